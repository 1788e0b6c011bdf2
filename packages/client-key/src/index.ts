export { clientKeyDigest, isClientKey, makeClientKey, maskClientKey } from './client-key.ts';
export { isLegacyKey } from './legacy-key.ts';
