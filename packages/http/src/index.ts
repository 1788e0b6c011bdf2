export { dialectServerOptions } from './dialect-server-options.ts';
export { registerDialectErrors, type DialectErrorOptions } from './register-dialect-errors.ts';
export { dialectOf } from './send-dialect-error.ts';
