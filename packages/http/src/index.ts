export { dialectServerOptions } from './dialect-server-options.ts';
export { registerDialectErrors, type DialectErrorOptions } from './register-dialect-errors.ts';
export { dialectOf, type RefusedEarly } from './send-dialect-error.ts';
