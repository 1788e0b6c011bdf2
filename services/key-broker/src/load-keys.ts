import { keyFieldsFault, NEW_KEY_TERMS, toTerms } from './app/admin/key-fields.ts';
import { nameFault } from './app/admin/name-fault.ts';
import type { By, LineResult } from './app/pool-store.ts';
import { parseKeyLines, type KeyLine, type LineFault } from './domain/key-lines.ts';
import type { ProviderSpec } from './domain/provider-registry.ts';
import type { MongoPoolStore } from './store/mongo-pool-store.ts';

export interface LoadOptions {
  readonly store: Pick<MongoPoolStore, 'importKeys' | 'importBackups'>;
  readonly provider: ProviderSpec;
  readonly backup: boolean;
  readonly dryRun: boolean;
  readonly by: By;
  /** How many lines are done. */
  readonly onProgress: (done: number, of: number) => void;
}

export interface Loaded {
  readonly added: number;
  /** By line. */
  readonly refused: readonly (LineFault & { readonly id?: string })[];
}

const CHUNK = 1_000;

/** Loads the keys of a file, as many as can be. */
export async function loadKeys(text: string, options: LoadOptions): Promise<Loaded> {
  const { entries, faults } = parseKeyLines(text);
  const refused: (LineFault & { readonly id?: string })[] = [...faults];
  const good: KeyLine[] = [];
  for (const line of entries) {
    const fault = nameFault(line.id) ?? keyFieldsFault(options.provider, line);
    if (fault === undefined) good.push(line);
    else refused.push({ at: line.at, reason: fault });
  }
  let added = 0;
  for (let from = 0; from < good.length; from += CHUNK) {
    const chunk = good.slice(from, from + CHUNK);
    const results = await importLines(chunk, options);
    for (const [index, { at, id }] of chunk.entries()) {
      const { ok, reason } = results[index] ?? { ok: false, reason: 'nothing is known of it' };
      if (ok) added += 1;
      else refused.push({ at, id, reason });
    }
    options.onProgress(from + chunk.length, good.length);
  }
  return { added, refused: refused.toSorted((a, b) => a.at - b.at) };
}

async function importLines(
  lines: readonly KeyLine[],
  { store, backup, by, dryRun }: LoadOptions,
): Promise<readonly LineResult[]> {
  if (backup) {
    return await store.importBackups(
      lines.map(({ id, apiKey, enableFailover }) => ({ id, secret: apiKey, enableFailover })),
      { ...by, dryRun },
    );
  }
  return await store.importKeys(
    lines.map(({ id, apiKey, enabled = true, ...terms }) => ({
      id,
      secret: apiKey,
      enabled,
      terms: { ...NEW_KEY_TERMS, ...toTerms(terms) },
    })),
    { ...by, dryRun },
  );
}
