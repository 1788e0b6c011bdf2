import { parseArgs } from 'node:util';
import { SITES, type Site } from '../stack/parts.ts';

/** What scripts/smoke was asked for. */
export interface SmokeOptions {
  readonly help: boolean;
  readonly site: Site;
  /** Of a stack that runs; else one is started. */
  readonly url: string | undefined;
  readonly key: string | undefined;
  /** Empty: all that the site serves. */
  readonly models: readonly string[];
  /** That nothing could be asked is a failure. */
  readonly require: boolean;
  readonly json: boolean;
  readonly timeoutMs: number;
}

export const HELP = `scripts/smoke SITE: one plain and one streamed request for each model and dialect, with real keys.

  scripts/smoke ohmygpt                        starts a gateway of its own, with the keys in OHMYGPT_API_KEYS
  scripts/smoke openhands --models claude-haiku-4-5
  OMG_KEY=sk-omg-... scripts/smoke ohmygpt --url https://chat2.example.com

SITE is ${SITES.join(' or ')}. Each request asks for 16 tokens of output: it costs real money, though little.
Without keys it says so, asks nothing and ends with 0.

  --url URL       ask this gateway instead of starting one; its client key is in OMG_KEY
  --key KEY       the client key, where others may see the command line
  --models a,b    only these models
  --timeout S     seconds for each request (default 120)
  --require       without keys end with 2: nothing was shown
  --json          one JSON line for each request instead of a table
  --help          this text

Environment (or .env): OHMYGPT_API_KEYS, OPENHANDS_API_KEYS (comma-separated), OMG_KEY, MONGODB_URL, NATS_URL.
It ends with 0 when all requests were answered whole and are in the books, with 1 when one was not.
`;

const OPTIONS = {
  url: { type: 'string' },
  key: { type: 'string' },
  models: { type: 'string' },
  timeout: { type: 'string', default: '120' },
  require: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Throws an Error whose message is one sentence for the operator. */
export function parseSmokeOptions(args: readonly string[]): SmokeOptions {
  const { values, positionals } = parse(args);
  const [name, ...more] = positionals;
  const site = SITES.find((known) => known === name);
  if (!values.help && (site === undefined || more.length > 0))
    throw new Error(`say which site: ${SITES.join(' or ')}; scripts/smoke --help says more.`);
  if (values.url !== undefined && !/^https?:\/\/[^/]/.test(values.url))
    throw new Error(`--url must be an address such as https://chat.example.com, not "${values.url}".`);
  if (!/^[1-9]\d{0,3}$/.test(values.timeout))
    throw new Error(`--timeout must be a whole number of seconds, not "${values.timeout}".`);
  return {
    help: values.help,
    site: site ?? SITES[0],
    url: values.url?.replace(/\/+$/, ''),
    key: values.key,
    models: (values.models ?? '').split(',').filter((model) => model !== ''),
    require: values.require,
    json: values.json,
    timeoutMs: Number(values.timeout) * 1_000,
  };
}

function parse(
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; strict: true; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    const [problem] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new Error(`${problem}; scripts/smoke --help lists the options.`, { cause: error });
  }
}
