import type { eventsV1 } from '@omg/proto-gen';
import { renderFields } from '../output/field-list.ts';
import { NOTHING, formatCount, formatExactTime, formatMs } from '../output/format.ts';
import { printable } from '../output/printable.ts';
import { Table, type Column } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { DIALECTS, NO_TOKENS, USAGE_SOURCES, resultOf, traceIdOf, type ChargedEvent } from './request-log.ts';

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

/** What happened, how many tokens it took, and each attempt: a part for each, one under the other. */
export function describeEvent(
  { tokens = NO_TOKENS, ...rest }: eventsV1.UsageEvent,
  terminal: Terminal,
): readonly [facts: string, tokens: string, attempts: string] {
  const event = { ...rest, tokens };
  return [
    section(terminal, `Request ${printable(event.requestId)}`, factsOf(event)),
    section(terminal, 'Tokens', tokensOf(event)),
    terminal.paint('bold', 'Attempts') +
      '\n' +
      (event.attempts.length === 0 ? '  none\n' : new Table(ATTEMPTS, terminal).render(event.attempts)),
  ];
}

/** A title and what is under it. */
export function section(
  terminal: Terminal,
  title: string,
  rows: readonly (readonly [name: string, value: string])[],
): string {
  return `${terminal.paint('bold', title)}\n${renderFields(rows.map(([name, value]) => [name, printable(value)]))}`;
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
