export { asUnavailable } from './as-unavailable.ts';
export { connectMongo, type Mongo, type MongoOptions } from './connect-mongo.ts';
export { followChanges, type FollowChangesOptions } from './follow-changes.ts';
export { isDuplicateKey } from './is-duplicate-key.ts';
export { checkServer } from './ownership/check-server.ts';
export { createOwnership } from './ownership/create-ownership.ts';
export type { Instant } from './ownership/instant.ts';
export { renewWhile, runOwnedLoop, type Owned } from './ownership/owned.ts';
export type { Owner, Ownership, OwnershipEvent, OwnershipOptions } from './ownership/ownership.ts';
