import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { type z } from 'zod';
import { ConfigError } from './config-error.ts';

/** A YAML or JSON file (by its content: JSON is YAML) that has to fit a schema; throws a ConfigError naming every fault. */
export function readDataFile<T extends z.ZodType>(path: string, schema: T): z.output<T> {
  return parseData(path, readText(path), schema);
}

/** The same for text that is at hand; `path` only names it in faults. */
export function parseData<T extends z.ZodType>(path: string, text: string, schema: T): z.output<T> {
  const parsed = schema.safeParse(parseText(path, text));
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map(
      (issue) => `${path}: ${issue.path.length === 0 ? '' : `${issue.path.join('.')}: `}${issue.message}`,
    ),
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([`${path} cannot be read (${error instanceof Error ? error.message : String(error)})`]);
  }
}

function parseText(path: string, text: string): unknown {
  try {
    // without the excerpt that yaml would add: it may hold a key
    return parseYaml(text, { prettyErrors: false });
  } catch (error) {
    throw new ConfigError([
      `${path} is neither YAML nor JSON (${error instanceof Error ? error.message : String(error)})`,
    ]);
  }
}
