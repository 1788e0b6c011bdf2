export { dialectOf, registerDialectErrors, type DialectErrorOptions } from './register-dialect-errors.ts';
