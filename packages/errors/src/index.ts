export { ERROR_CODES, HTTP_STATUS, IS_TRANSIENT, isErrorCode, type ErrorCode } from './code.ts';
export { OmgError, toOmgError, type OmgErrorOptions } from './omg-error.ts';
