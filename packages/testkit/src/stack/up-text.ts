import { PARTS } from './parts.ts';
import type { Paint } from './render-log-line.ts';
import type { Stack } from './start-stack.ts';

const TITLE_WIDTH = 14;

export const HELP = `scripts/up: the whole gateway on this machine, in the foreground; Ctrl-C stops it, data stays.

  --fresh            empty the data directory first
  --port-offset N    add N to every port
  --routers N        so many routers per site (default 1); replica k listens on port + 10(k-1)
  --only a,b         start only these parts, the others are expected at their usual addresses:
                     ${PARTS.slice(0, 4).join(', ')},
                     ${PARTS.slice(4).join(', ')};
                     "routers" and "fake" are short for the obvious
  --bench            quiet: services log from level warn on
  --no-restart       a service that is killed stays down until the supervisor gets SIGUSR1:
                     kill -USR1 $(awk '/^supervisor /{print $2}' data/pids)
                     starts whatever is down. Without this option it is started again at once,
                     at most 3 times within a minute.
  --data DIR         where data, logs and keys are (default ./data)
  --help             this text

Environment (or .env):
  OHMYGPT_API_KEYS, OPENHANDS_API_KEYS   comma-separated keys of the real upstream behind that site;
                                         the fake upstream is behind a site without them
  MONGODB_URL, NATS_URL                  use these instead of starting MongoDB (a replica set) and NATS
  OTEL_EXPORTER_OTLP_ENDPOINT            where traces go
  DEFAULT_*, LOG_LEVEL, ...              reach the services as they are

Written to the data directory:
  env     shell lines with every address and key; *_URLS are comma-separated (one URL per replica)
  pids    "name pid" of everything that runs, kept current; gone when the stack is stopped
  logs/   the output of each process as it came
  lock, secrets.json, bootstrap.json (first tenants, may be extended), mongo/, nats/, journal/
`;

/** What is needed to use the stack, ready to be copied. */
export interface Greeting {
  readonly stack: Pick<Stack, 'addresses' | 'secrets' | 'names'>;
  /** One that each site serves. */
  readonly model: string;
  readonly dataDir: string;
  readonly tookMs: number;
}

export function renderGreeting({ stack, model, dataDir, tookMs }: Greeting, paint: Paint): string {
  const { addresses, secrets, names } = stack;
  const rows: readonly (readonly [string, string, string])[] = [
    ['openhands', addresses.openhandsUrls.join(' '), 'router-openhands-1'],
    ['ohmygpt', addresses.ohmygptUrls.join(' '), 'router-ohmygpt-1'],
    ['key-broker', `${addresses.brokerAddr} (gRPC)`, 'key-broker'],
    ['usage-ledger', `${addresses.ledgerAddr} (gRPC)`, 'usage-ledger'],
    ['fake upstream', `${addresses.fakeUrl}, administration ${addresses.fakeAdminUrl}`, 'fake-upstream'],
    ['MongoDB', withoutPassword(addresses.mongodbUrl), 'mongo'],
    ['NATS', withoutPassword(addresses.natsUrl), 'nats'],
    ['client key', secrets.clientKey, ''],
  ];
  const table = rows.map(([title, value, process]) => {
    const elsewhere = process !== '' && !names.includes(process);
    return `  ${title.padEnd(TITLE_WIDTH)} ${value}${elsewhere ? paint('gray', ' (not started here)') : ''}`;
  });
  return [
    '',
    paint('bold', `Ready in ${(tookMs / 1_000).toFixed(1)} s.`),
    ...table,
    '',
    ...curlLines(stack, model),
    '',
    `Every address as a shell variable: . ${dataDir}/env   pids: ${dataDir}/pids   logs: ${dataDir}/logs/`,
    'Ctrl-C drains and stops everything; the data stays.',
    '',
  ].join('\n');
}

function withoutPassword(url: string): string {
  return url.replaceAll(/\/\/[^@/]*@/g, '//');
}

function curlLines({ addresses, secrets }: Greeting['stack'], model: string): readonly string[] {
  const messages = [{ role: 'user', content: 'hello' }];
  const json = "-H 'content-type: application/json'";
  const openai = `-H 'authorization: Bearer ${secrets.clientKey}' ${json} -d '${JSON.stringify({ model, messages })}'`;
  const anthropic = `-H 'x-api-key: ${secrets.clientKey}' -H 'anthropic-version: 2023-06-01' ${json} -d '${JSON.stringify({ model, max_tokens: 100, messages })}'`;
  return [
    `curl ${addresses.ohmygptUrls[0] ?? ''}/v1/chat/completions ${openai}`,
    `curl ${addresses.openhandsUrls[0] ?? ''}/v1/messages ${anthropic}`,
  ];
}
