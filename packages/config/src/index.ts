export { ConfigError } from './config-error.ts';
export { parseData, readDataFile } from './data-file.ts';
export { MAX_LIMIT, readDefaultLimits, type Budget, type DefaultLimits, type Limits } from './default-limits.ts';
export { parseDurationMs } from './duration.ts';
export { readEnvironment } from './environment.ts';
export { ConfigReader, readConfig, type Environment } from './read-config.ts';
export { Secret } from './secret.ts';
export { readSiteFile, type SiteFile, type SiteModel } from './site-file.ts';
