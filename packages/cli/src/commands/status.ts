import { defineCommand, type CommandContext } from '../command.ts';
import { CommandFailure } from '../failures.ts';
import { NOTHING, formatMs } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { Table, type Column } from '../output/table.ts';
import { readServiceVersion } from '../remote/read-service-version.ts';
import type { Remote } from '../remote/remote.ts';

interface ServiceStatus {
  readonly service: string;
  readonly address: string;
  readonly ok: boolean;
  readonly tookMs: number;
  readonly version: string | null;
  /** A sentence, where it did not answer. */
  readonly error: string | null;
}

const COLUMNS: readonly Column<ServiceStatus>[] = [
  { title: 'SERVICE', value: ({ service }) => service },
  { title: 'ADDRESS', value: ({ address }) => address },
  {
    title: 'STATE',
    value: ({ ok }) => (ok ? 'ok' : 'failed'),
    style: ({ ok }) => (ok ? 'green' : 'red'),
  },
  { title: 'TOOK', align: 'right', value: ({ tookMs }) => formatMs(tookMs) },
  { title: 'VERSION', value: ({ version }) => version ?? NOTHING },
];

export const status = defineCommand({
  name: 'status',
  summary: 'whether the services answer; fails when one does not',
  operands: [],
  options: {},
  examples: ['omg status', 'omg status --json', 'omg status --broker 10.0.0.5:7001 --ledger 10.0.0.6:7002'],
  async run({ terminal, json, connection, signal }: CommandContext) {
    const broker = connection.keyBroker();
    const usage = connection.usage();
    // one real call each, so that the token and the store behind it are asked as well
    const states = await Promise.all([
      ask(
        broker,
        signal,
        async () => await broker.call(async (client, options) => await client.listProviders({}, options)),
      ),
      ask(
        usage,
        signal,
        async () =>
          await usage.call(
            async (client, options) =>
              await client.listLogs({ pageSize: 1, pageToken: '', filter: undefined }, options),
          ),
      ),
    ]);
    await terminal.write(json ? states.map(jsonLine).join('') : new Table(COLUMNS, terminal).render(states));
    const errors = states.flatMap(({ error }) => error ?? []);
    if (errors.length > 0) throw new CommandFailure(errors.join('\n'));
  },
});

async function ask(remote: Remote<unknown>, signal: AbortSignal, call: () => Promise<unknown>): Promise<ServiceStatus> {
  const version = readServiceVersion(remote.opsUrl, signal);
  const startedMs = performance.now();
  const error = await failureOf(call);
  const tookMs = Math.round(performance.now() - startedMs);
  const { name, address } = remote;
  return {
    service: name,
    address,
    ok: error === null,
    tookMs,
    version: (await version) ?? null,
    error,
  };
}

async function failureOf(call: () => Promise<unknown>): Promise<string | null> {
  try {
    await call();
    return null;
  } catch (error) {
    if (error instanceof CommandFailure) return error.message;
    throw error;
  }
}
