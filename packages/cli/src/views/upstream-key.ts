import type { keyAdminV1 } from '@omg/proto-gen';
import { NOTHING, formatCount, formatExactTime, formatRelative } from '../output/format.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';

export type KeyView = keyAdminV1.KeyView;

/** The rows of `upstream-keys list`, and of what changes a key. */
export function keyColumns(nowMs: number): readonly Column<KeyView>[] {
  return [
    { title: 'KEY', value: ({ keyId }) => keyId },
    { title: 'SECRET', value: ({ maskedKey }) => maskedKey, leaveOut: 5 },
    { title: 'STATUS', value: ({ status }) => status, style: ({ available }) => (available ? 'green' : 'red') },
    { title: 'BLOCKED BY', value: ({ blockedBy }) => blockedBy || NOTHING },
    { title: 'ENDS', value: ({ blockedUntil }) => formatRelative(blockedUntil, nowMs) },
    {
      title: 'SLOTS',
      align: 'right',
      value: ({ slots, slotsInUse }) => `${formatCount(slotsInUse)}/${formatCount(slots)}`,
    },
    { title: 'ROUTE', value: ({ route }) => route || 'none', leaveOut: 4 },
    { title: 'REQUESTS', align: 'right', value: ({ requestsCount }) => formatCount(requestsCount), leaveOut: 2 },
    { title: 'TOKENS', align: 'right', value: ({ tokensUsed }) => formatCount(tokensUsed), leaveOut: 3 },
    { title: 'LAST USED', value: ({ lastUsedAt }) => formatRelative(lastUsedAt, nowMs), leaveOut: 1 },
  ];
}

/** A key for programs: what is not known is null. */
export function keyToJson(key: KeyView): object {
  return withNulls(key);
}

/** Everything, for people. */
export function keyFacts(key: KeyView, nowMs: number): readonly (readonly [string, string])[] {
  const { blockedBy, blockedUntil, deniedModels } = key;
  const ending = blockedUntil === undefined ? '' : ` (ends ${formatRelative(blockedUntil, nowMs)})`;
  return [
    ['secret', key.maskedKey],
    ['status', key.status],
    ['can be leased', key.available ? 'yes' : `no: ${blockedBy || 'unknown'}${ending}`],
    ['enabled', key.enabled ? (key.paused ? 'yes, paused' : 'yes') : 'no'],
    ['endpoint', key.endpoint || NOTHING],
    ['route', key.route || 'none'],
    ['slots', `${formatCount(key.slotsInUse)} of ${formatCount(key.slots)} in use`],
    ['requests / minute', limitOf(key.requestsPerMinute)],
    ['tokens / minute', limitOf(key.tokensPerMinute)],
    ['models', key.allowedModels.length === 0 ? 'any' : key.allowedModels.join(', ')],
    [
      'denied models',
      deniedModels.map(({ model, until }) => `${model} (${untilOf(until, nowMs)})`).join(', ') || NOTHING,
    ],
    ['failover', key.enableFailover ? 'on' : 'off'],
    ['took the place of', key.replacedKey || NOTHING],
    ['last error', key.lastError || NOTHING],
    ['requests', formatCount(key.requestsCount)],
    ['tokens', formatCount(key.tokensUsed)],
    ['last used', formatExactTime(key.lastUsedAt)],
    ['created', formatExactTime(key.createdAt)],
    ['generation', formatCount(key.generation)],
  ];
}

function limitOf(limit: number | bigint | undefined): string {
  return limit === undefined ? 'no limit' : formatCount(limit);
}

function untilOf(until: Date | undefined, nowMs: number): string {
  return until === undefined ? 'until it is reset' : `ends ${formatRelative(until, nowMs)}`;
}
