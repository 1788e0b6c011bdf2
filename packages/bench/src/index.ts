export { divideCores, type Cores } from './cores.ts';
export { machineCpuMs, processCpuMs, residentBytes } from './cpu-time.ts';
export { freePort } from './free-port.ts';
export { cleanEnvironment, startNodeProcess, type NodeProcess, type NodeProcessOptions } from './node-process.ts';
export { atLeast } from './option-number.ts';
export { spreadOf, type Spread } from './spread.ts';
export { asCount, asDecimals, asPercent, asSpread, asTimes, textTable } from './text-table.ts';
