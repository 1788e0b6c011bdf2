import { ownerReceive, ownerRecall, type OwnerMessage, type Take } from '@omg/quota';
import type { KeyPool, WaitingTake } from './key-pool.ts';
import { chooseKey, whyNone, type Chosen } from './pool-choice.ts';
import { fitsModel, type PoolKey } from './pool-key.ts';
import { handleQuota } from './pool-quota.ts';
import { collectsUntilMs, limited, roomAtMs } from './pool-room.ts';
import { nextCooldownMs } from './next-cooldown.ts';
import type { RefusalReason } from './pool-types.ts';
import { addWaiting, excludesOf, isQueued, kindOf, MAX_WAITING, setWaiting, tokensOf } from './pool-waiting.ts';

/** Holders are asked again for what they do not use, as long as somebody waits for it. */
const RECALL_EVERY_MS = 50;
/** Whoever is refused for a hold is not to ask again at once, while its probe is under way. */
const MIN_HELD_MS = 1_000;

/** A holder asks for a slot: of the key that it names, or, where it leaves that to the owner, of any that fits. */
export function takeOfPool(pool: KeyPool, connection: string, take: Take, nowMs: number): void {
  const epoch = pool.connections.get(connection)?.epoch ?? '';
  const collectingMs = collectsUntilMs(pool, nowMs);
  const waiting = { connection, epoch, take, untilMs: Math.max(nowMs, collectingMs ?? 0) + pool.config.waitMs };
  if (pool.waiting.length >= MAX_WAITING) {
    deny(pool, waiting, { reason: 'slots', retryAfterMs: undefined });
    return;
  }
  // nobody overtakes those who wait for the same
  if (collectingMs !== undefined || isQueued(pool, take)) {
    addWaiting(pool, waiting);
    return;
  }
  // who waits may be content with what has come free
  if (pool.freed && pool.waiting.length > 0) serveWaiting(pool, nowMs);
  const chosen = chooseKey(pool, take, { epoch, nowMs });
  if (!('refused' in chosen)) {
    grant(pool, waiting, { chosen, isAlone: pool.waiting.length === 0, nowMs });
  } else if (mayWait(pool, chosen.refused)) {
    addWaiting(pool, waiting);
    if (chosen.refused === 'slots') recall(pool, take, nowMs);
  } else {
    deny(pool, waiting, { reason: chosen.refused, retryAfterMs: retryAfterMs(pool, chosen.refused, take, nowMs) });
  }
}

/** Whoever waits and can be served now is; whoever has waited long enough is refused. */
export function serveWaiting(pool: KeyPool, nowMs: number): void {
  pool.freed = false;
  if (pool.waiting.length === 0 || collectsUntilMs(pool, nowMs) !== undefined) return;
  const refused = new Map<string, { readonly tokens: number; readonly reason: RefusalReason }>();
  const retryAfter = new Map<string, number | undefined>();
  const { waiting } = pool;
  setWaiting(pool, []);
  const still: WaitingTake[] = [];
  for (const one of waiting) {
    const { take, epoch, untilMs } = one;
    // while parts are given out, what one holder may not have the next one may
    const kind = pool.owner.missing.size > 0 ? `${epoch} ${kindOf(take)}` : kindOf(take);
    const known = refused.get(kind);
    const isKnown = known !== undefined && known.tokens <= tokensOf(take);
    const chosen = isKnown ? { refused: known.reason } : chooseKey(pool, take, { epoch, nowMs });
    if (!('refused' in chosen)) {
      grant(pool, one, { chosen, isAlone: false, nowMs });
      continue;
    }
    const reason = chosen.refused;
    if (!isKnown && excludesOf(take).length === 0) refused.set(kind, { tokens: tokensOf(take), reason });
    if (nowMs < untilMs) {
      still.push(one);
      continue;
    }
    const why = `${reason} ${kind}`;
    if (!retryAfter.has(why)) retryAfter.set(why, retryAfterMs(pool, reason, take, nowMs));
    deny(pool, one, { reason, retryAfterMs: retryAfter.get(why) });
  }
  setWaiting(pool, still);
}

/** As long as somebody waits: what time brings back, and what somebody has got meanwhile and does not use. */
export function recallForWaiting(pool: KeyPool, nowMs: number): void {
  if (pool.waiting.length === 0) {
    pool.recalledMs.clear();
    return;
  }
  pool.freed = true;
  const kinds = new Set<string>();
  for (const { take } of pool.waiting) {
    const kind = kindOf(take);
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    recall(pool, take, nowMs);
  }
}

function grant(
  pool: KeyPool,
  { connection, take }: WaitingTake,
  options: {
    readonly chosen: Exclude<Chosen, { refused: RefusalReason }>;
    /** Nobody waits: more may be given than is needed now. */
    readonly isAlone: boolean;
    readonly nowMs: number;
  },
): void {
  const { chosen, isAlone, nowMs } = options;
  const { key, probe } = chosen;
  const { id } = key.facts;
  const scopes = take.scopes.slice(0, 1).map(({ need, want, scope }) => ({
    scope: id,
    need: limited(key, need),
    ...(probe === undefined && scope === id && isAlone && want !== undefined && { want }),
  }));
  handleQuota(pool, ownerReceive(pool.owner, { connection, message: { ...take, scopes } }, nowMs), nowMs);
  if (probe === undefined) return;
  // whoever asked for it has it; what else waits for a probe is to be asked for anew
  pool.infoDue = true;
  const { state, facts } = key;
  const endpoint = (probe.probeId === undefined ? state.probe?.endpoint : undefined) ?? state.endpoint;
  pool.connections.get(connection)?.draft.probes.push({
    ref: take.ref,
    keyId: id,
    generation: state.generation,
    probeId: probe.probeId,
    access: { secret: facts.secret, endpoint, route: probe.route },
    ttlMs: pool.config.keyState.probeTtlMs,
  });
}

function mayWait(pool: KeyPool, reason: RefusalReason): boolean {
  if (reason === 'slots') return true;
  // a rotation is about to bring a key
  return reason === 'none_available' && pool.rotations > 0;
}

/** All who hold of keys that would do what nobody uses are asked for it. */
function recall(pool: KeyPool, take: Take, nowMs: number): void {
  const kind = kindOf(take);
  if (nowMs < (pool.recalledMs.get(kind) ?? -Infinity) + RECALL_EVERY_MS) return;
  pool.recalledMs.set(kind, nowMs);
  const [part] = take.scopes;
  if (part === undefined) return;
  const { choice } = part;
  for (const id of choice === undefined ? [part.scope] : pool.ring.ids) {
    const key = pool.keys.get(id);
    if (key === undefined || !fitsModel(key, choice?.kind ?? '')) continue;
    const outstanding = pool.owner.scopes.get(id)?.outstanding;
    for (const dimension of ['slots', 'requests', 'tokens'] as const) {
      if ((outstanding?.[dimension] ?? 0) <= 0 || !isLimited(key, dimension)) continue;
      handleQuota(pool, ownerRecall(pool.owner, { scope: id, dimension }, nowMs), nowMs);
    }
  }
}

function isLimited({ facts }: PoolKey, dimension: 'slots' | 'requests' | 'tokens'): boolean {
  const { requestsPerMinute, tokensPerMinute } = facts.terms;
  return dimension === 'slots' || (dimension === 'requests' ? requestsPerMinute : tokensPerMinute) !== undefined;
}

/** Why no key could be leased at all, for people; empty where one could. */
export function whyNoKeys(pool: KeyPool, nowMs: number): string {
  if (pool.holds.provider !== undefined)
    return 'many keys failed alike: the provider is held until a probe gets through';
  if (pool.ring.size > 0) return '';
  const noProxy = whyNone(pool, () => true, nowMs) === 'no_proxy';
  return noProxy
    ? 'no proxy can be used, and direct connections are not allowed'
    : 'every key is disabled or in a cooldown';
}

function deny(
  pool: KeyPool,
  { connection, take }: WaitingTake,
  { reason, retryAfterMs: afterMs }: { readonly reason: RefusalReason; readonly retryAfterMs: number | undefined },
): void {
  const message: OwnerMessage = {
    kind: 'deny',
    ref: take.ref,
    reason: 'limit',
    scope: reason,
    dimension: reason === 'slots' ? 'slots' : undefined,
    retryAfterMs: afterMs,
    affordable: 0,
  };
  pool.connections.get(connection)?.draft.quota.push(message);
}

/** When the next thing that stands in the way ends, as far as that is known. */
function retryAfterMs(pool: KeyPool, reason: RefusalReason, take: Take, nowMs: number): number | undefined {
  const { provider } = pool.holds;
  if (provider !== undefined) return Math.max(MIN_HELD_MS, provider.untilMs - nowMs);
  let atMs = nextCooldownMs(pool, nowMs) ?? Infinity;
  if (reason === 'no_proxy') atMs = Math.min(atMs, pool.proxies.nextReturnMs(nowMs), pool.holds.nextProbeMs(nowMs));
  if (reason === 'slots') atMs = Math.min(atMs, windowOpensMs(pool, take, nowMs));
  return atMs === Infinity ? undefined : Math.ceil(atMs - nowMs);
}

/** When a key that would do has used less than its rates allow again. */
function windowOpensMs(pool: KeyPool, take: Take, nowMs: number): number {
  const [part] = take.scopes;
  let atMs = Infinity;
  if (part === undefined) return atMs;
  const { need: amounts, choice, scope } = part;
  const need = { amounts, epoch: '', nowMs };
  for (const id of choice === undefined ? [scope] : pool.ring.ids) {
    const key = pool.keys.get(id);
    if (key === undefined || choice?.exclude.includes(id) === true || !fitsModel(key, choice?.kind ?? '')) continue;
    if (!isLimited(key, 'requests') && !isLimited(key, 'tokens')) continue;
    atMs = Math.min(atMs, roomAtMs(pool, key, need) ?? Infinity);
  }
  return atMs;
}
