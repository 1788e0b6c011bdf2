export { decimalUsd } from './decimal-usd.ts';
export { divideHalfUp, parseNano } from './money.ts';
export { costNanoUsd, type Price, type Rates } from './price.ts';
export { NO_TOKENS, wholeInput, type Tokens } from './tokens.ts';
export { DEFAULT_BOUNDS, worstCaseNanoUsd, type ModelBounds } from './worst-case.ts';
