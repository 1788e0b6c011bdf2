export { bucketOf, toDelta, type AffinityDelta } from './affinity-delta.ts';
export { affinityHash } from './affinity-hash.ts';
export { AffinityView } from './affinity-view.ts';
export { KeyRing } from './key-ring.ts';
