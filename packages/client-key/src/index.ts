export { clientKeyDigest, isClientKey, makeClientKey, maskClientKey } from './client-key.ts';
