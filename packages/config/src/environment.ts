import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { readDataFile } from './data-file.ts';
import type { Environment } from './read-config.ts';

const ConfigFile = z.record(
  z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'names are written as in the environment: UPPER_CASE'),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]).transform(String),
);

/**
 * The values this process was given: the file that CONFIG_FILE names (YAML or JSON), `.env` in the working directory,
 * and the environment; the later wins.
 */
export function readEnvironment(env: Environment = process.env, dotEnvPath = '.env'): Environment {
  const dotEnv = existsSync(dotEnvPath) ? parseEnv(readFileSync(dotEnvPath, 'utf8')) : {};
  const configFile = env['CONFIG_FILE'] ?? dotEnv['CONFIG_FILE'];
  const file = configFile === undefined || configFile === '' ? {} : readDataFile(configFile, ConfigFile);
  return { ...file, ...dotEnv, ...definedOnly(env) };
}

function definedOnly(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
}
