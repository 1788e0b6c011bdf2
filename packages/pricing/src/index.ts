export { decimalUsd } from './decimal-usd.ts';
