import { parseArgs } from 'node:util';

/** What scripts/seed was asked for. */
export interface SeedOptions {
  readonly provider: string;
  /** Into the backup keys instead of the pool. */
  readonly backup: boolean;
  readonly file: string | undefined;
  readonly mongodbUrl: string | undefined;
  /** Of scripts/up; `data` in the repository unless given. */
  readonly dataDir: string | undefined;
  readonly dryRun: boolean;
  readonly help: boolean;
}

export const SEED_HELP = `scripts/seed: makes the indexes of key-broker's database, and loads keys from a file into it.

  --file FILE         the keys; without it only the indexes are made
  --provider NAME     whose keys these are (default ohmygpt)
  --backup            they are backup keys, which take the place of keys that fail
  --dry-run           only say what would become of each line
  --mongodb-url URL   the database (default: MONGODB_URL, else that of scripts/up by its data directory)
  --data DIR          the data directory of scripts/up (default ./data)
  --help              this text

The file has a key on each line, as id|apiKey, or as a JSON object with the fields of a key in the database:
  {"_id": "key-1", "apiKey": "sk-...", "slots": 50, "requestsPerMinute": 60, "tokensPerMinute": 90000,
   "enableFailover": true, "allowedModels": ["claude-haiku-4-5"], "isEnabled": true}
or all of them in one JSON array. Empty lines and lines that begin with # say nothing. Each line that is refused is
reported by its number; keys that are there already, by name or by key, are refused, so a file may be loaded again.

Environment (or .env):
  MONGODB_URL, MONGODB_DATABASE   the database; its name is key_broker unless it or the URL says otherwise
  KEY_ENCRYPTION_KEYS             as key-broker has it; by default that of scripts/up
  PROVIDERS_FILE                  providers beside ohmygpt and openhands

It may be run while key-broker runs, which leases new keys within seconds.
Exit: 0 all is loaded, 1 it failed, 2 the command line is wrong, 3 some lines were refused.
`;

/** Throws an Error whose message is one sentence for the operator. */
export function parseSeedOptions(args: readonly string[]): SeedOptions {
  const { help, backup, file, provider, data, ...values } = parse(args);
  for (const [name, value] of Object.entries({ file, data, provider, 'mongodb-url': values['mongodb-url'] })) {
    if (value === '') throw new Error(`--${name} must not be empty.`);
  }
  if (backup && file === undefined) throw new Error('--backup says what the keys of a file are: --file is missing.');
  return {
    help,
    backup,
    file,
    provider,
    dataDir: data,
    mongodbUrl: values['mongodb-url'],
    dryRun: values['dry-run'],
  };
}

const OPTIONS = {
  file: { type: 'string' },
  provider: { type: 'string', default: 'ohmygpt' },
  backup: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  'mongodb-url': { type: 'string' },
  data: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function parse(
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; strict: true }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    // Node's text goes on with advice about positional arguments that would mislead here
    const [problem] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new Error(`${problem}; scripts/seed --help lists the options.`, { cause: error });
  }
}
