import { fileURLToPath } from 'node:url';

/** Where the compiled descriptors of all protos are, for server reflection. */
export const descriptorsPath: string = fileURLToPath(new URL('./descriptors.binpb', import.meta.url));
