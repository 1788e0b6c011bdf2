import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, readEnvironment } from '@omg/config';
import { OmgError } from '@omg/errors';
import { connectMongo } from '@omg/mongo';
import { loadKeys } from './load-keys.ts';
import { readSeedConfig, type SeedConfig } from './seed-config.ts';
import { parseSeedOptions, SEED_HELP, type SeedOptions } from './seed-options.ts';
import { MongoPoolStore } from './store/mongo-pool-store.ts';
import { createPoolIndexes } from './store/pool-indexes.ts';
import { SecretBox } from './store/secret-box.ts';

const ROOT_DIR = fileURLToPath(new URL('../../..', import.meta.url));
const EXIT = { ok: 0, failed: 1, usage: 2, refused: 3 } as const;
const CONNECT_TIMEOUT_MS = 10_000;
const MAX_FILE_BYTES = 256 * 1024 * 1024;
const PROGRESS_STEP = 5_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`scripts/seed: ${line}\n`);

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  let options: SeedOptions;
  try {
    options = parseSeedOptions(args);
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    return EXIT.usage;
  }
  if (options.help) {
    process.stdout.write(SEED_HELP);
    return EXIT.ok;
  }
  try {
    const dataDir = options.dataDir ?? join(ROOT_DIR, 'data');
    const environment = readEnvironment(undefined, join(ROOT_DIR, '.env'));
    const text = options.file === undefined ? undefined : readKeyFile(options.file);
    return await seed(readSeedConfig(options, { environment, dataDir }), { ...options, text });
  } catch (error) {
    for (const sentence of sentencesOf(error)) complain(sentence);
    return EXIT.failed;
  }
}

async function seed(
  { mongoUrl, database, encryptionKeys, providers, provider }: SeedConfig,
  { text, backup, dryRun }: Pick<SeedOptions, 'backup' | 'dryRun'> & { readonly text: string | undefined },
): Promise<number> {
  await using mongo = await connectMongo({
    url: mongoUrl,
    database,
    appName: 'seed',
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  });
  const names = providers.map(({ name }) => name);
  const onFaulty = (collection: string, id: string, fault: string): void => {
    complain(`${collection}/${id}: ${fault}`);
  };
  await createPoolIndexes(mongo, names, onFaulty);
  say(`The indexes of ${names.join(', ')} are there, in the database ${database}.`);
  if (text === undefined || encryptionKeys === undefined) return EXIT.ok;

  const [current, ...earlier] = encryptionKeys;
  const box = new SecretBox(current, earlier);
  const store = new MongoPoolStore({ mongo, provider: provider.name, providers: names, box, onFaulty });
  await store.checkBox();
  const { added, refused } = await loadKeys(text, {
    store,
    provider,
    backup,
    dryRun,
    by: { actor: `seed by ${userInfo().username}`, nowMs: Date.now() },
    onProgress(done, of) {
      if (done % PROGRESS_STEP === 0 && done < of) say(`${done} of ${of} lines.`);
    },
  });
  for (const { at, id, reason } of refused) complain(`line ${at}${id === undefined ? '' : ` (${id})`}: ${reason}`);
  const what = `${backup ? 'backup keys' : 'keys'} of ${provider.name}`;
  say(`${added} ${what} ${dryRun ? 'would be added' : 'were added'}, ${refused.length} lines refused.`);
  return refused.length > 0 ? EXIT.refused : EXIT.ok;
}

function readKeyFile(path: string): string {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([`${path} cannot be read (${error instanceof Error ? error.message : String(error)})`]);
  }
}

/** Errors of other kinds are faults of this program, and their stack belongs in view. */
function sentencesOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.faults;
  if (error instanceof OmgError) return [error.message];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
}
