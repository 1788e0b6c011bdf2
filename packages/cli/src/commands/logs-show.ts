import type { eventsV1, usageV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { CommandFailure } from '../failures.ts';
import { renderFields } from '../output/field-list.ts';
import { NOTHING, formatCount, formatExactTime, formatMs, formatUsd } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { printable } from '../output/printable.ts';
import { Table, type Column } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import {
  DIALECTS,
  USAGE_SOURCES,
  eventOf,
  requestLogToJson,
  resultOf,
  traceIdOf,
  type ChargedEvent,
} from '../views/request-log.ts';

const ATTEMPTS: readonly Column<eventsV1.Attempt>[] = [
  { title: 'STARTED', value: ({ startedAt }) => formatExactTime(startedAt) },
  { title: 'KEY', value: ({ keyId }) => keyId || NOTHING },
  {
    title: 'GENERATION',
    align: 'right',
    value: ({ leaseGeneration }) => formatCount(leaseGeneration),
    leaveOut: 1,
  },
  { title: 'PROXY', value: ({ proxyId }) => proxyId || 'direct' },
  { title: 'ENDPOINT', value: ({ endpoint }) => endpoint || NOTHING },
  {
    title: 'STATUS',
    align: 'right',
    value: ({ statusCode }) => (statusCode === 0 ? NOTHING : String(statusCode)),
  },
  {
    title: 'RESULT',
    value: ({ cause }) => cause || 'ok',
    style: ({ cause }) => (cause === '' ? 'green' : 'red'),
  },
  { title: 'TOOK', align: 'right', value: ({ durationMs }) => formatMs(durationMs) },
  { title: "PROVIDER'S ID", value: ({ providerRequestId }) => providerRequestId || NOTHING },
];

export const logsShow = defineCommand({
  name: 'logs show',
  summary: 'everything that is known of one request',
  operands: ['request id'],
  options: {},
  examples: [
    'omg logs show 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11',
    'omg logs show 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11 --json | jq .attempts',
  ],
  async run({ terminal, json, connection }, args) {
    const requestId = args.operand(0);
    const { log } = await connection
      .usage()
      .call(async (client, options) => await client.getLog({ requestId }, options));
    if (log === undefined) throw new CommandFailure(`usage-ledger: no request ${printable(requestId)} is in the books`);
    await terminal.write(json ? jsonLine(requestLogToJson(log)) : describe(log, terminal));
  },
});

function describe(log: usageV1.RequestLog, terminal: Terminal): string {
  const event = eventOf(log);
  const heading = (text: string): string => `${terminal.paint('bold', text)}\n`;
  const fields = (rows: readonly (readonly [string, string])[]): string =>
    renderFields(rows.map(([name, value]) => [name, printable(value)]));
  return [
    heading(`Request ${printable(event.requestId)}`) + fields(factsOf(event)),
    heading('Tokens') + fields(tokensOf(event)),
    heading('Cost') +
      fields([
        ['charged', formatUsd(log.costNanoUsd)],
        ['prices', log.priceVersion || NOTHING],
        ['charged at', formatExactTime(log.chargedAt)],
      ]),
    heading('Attempts') +
      (event.attempts.length === 0 ? '  none\n' : new Table(ATTEMPTS, terminal).render(event.attempts)),
  ].join('\n');
}

function factsOf(event: ChargedEvent): readonly (readonly [string, string])[] {
  return [
    ['accepted', formatExactTime(event.acceptedAt)],
    ['result', `${resultOf(event)}, the client saw ${event.statusCode}`],
    ['finish reason', event.finishReason || NOTHING],
    ['latency', formatMs(event.latencyMs)],
    ['first token', event.firstTokenMs === undefined ? NOTHING : formatMs(event.firstTokenMs)],
    ['tenant', event.tenantName === '' ? event.tenantId : `${event.tenantId} (${event.tenantName})`],
    ['client key', event.clientKeyId],
    ['site', event.site],
    ['provider', event.provider],
    ['model', event.model],
    ['upstream model', event.upstreamModel || NOTHING],
    ['dialect', `${DIALECTS[event.dialect]}, ${event.stream ? 'streamed' : 'in one piece'}`],
    ["client's id", event.clientRequestId || NOTHING],
    ['trace', traceIdOf(event) || NOTHING],
    ['router', `epoch ${event.epoch}, partition ${event.partition}, event ${formatCount(event.number)}`],
  ];
}

function tokensOf({ tokens, usageSource }: ChargedEvent): readonly (readonly [string, string])[] {
  const rows = [
    ['input, not cached', tokens.input],
    ['cache write, 5 m', tokens.cacheWrite5m],
    ['cache write, 1 h', tokens.cacheWrite1h],
    ['cache read', tokens.cacheRead],
    ['output', tokens.output],
  ] as const;
  const width = Math.max(...rows.map(([, count]) => formatCount(count).length));
  return [
    ...rows.map(([name, count]): [string, string] => [name, formatCount(count).padStart(width)]),
    ['source', USAGE_SOURCES[usageSource]],
  ];
}
