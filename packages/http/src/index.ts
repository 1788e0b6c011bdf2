export { dialectServerOptions } from './dialect-server-options.ts';
export type { DialectError } from './refusal.ts';
export { registerBodyReader, type BodyReaderOptions } from './register-body-reader.ts';
export { registerCors, type CorsOptions } from './register-cors.ts';
export { registerDialectErrors, type DialectErrorOptions } from './register-dialect-errors.ts';
export { dialectOf, type RefusedEarly } from './send-dialect-error.ts';
