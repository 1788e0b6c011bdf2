import { ownerSetScope } from '@omg/quota';
import type { KeyState } from '../key-state.ts';
import { alert, type KeyPool } from './key-pool.ts';
import type { PoolKey } from './pool-key.ts';
import { applyToKey, pushKey, refreshKey, WRITTEN_DOWN } from './pool-key-changes.ts';
import { handleQuota, revokeScope, setScope } from './pool-quota.ts';
import type { KeyFacts, Route } from './pool-types.ts';

/** A key as it is stored. */
export interface KeyRecord {
  readonly facts: KeyFacts;
  /** Somebody other than this system wrote its state. */
  readonly changedByHand: boolean;
}

/** Who has changed what is stored, for the history; by default somebody who has written that down. */
export type ChangedBy = 'database' | typeof WRITTEN_DOWN;

/** Terms begin their generations so far apart: no owner takes a verdict on another's lease for one on its own. */
const GENERATIONS_PER_TERM = 1n << 24n;

/** All keys as they are stored now; those that are not among them are gone. */
export function setPoolKeys(
  pool: KeyPool,
  records: readonly KeyRecord[],
  nowMs: number,
  changedBy: ChangedBy = WRITTEN_DOWN,
): void {
  const route = pool.proxies.router();
  const wanted = new Set(records.map(({ facts }) => facts.id));
  for (const record of records) setKey(pool, { record, route, changedBy, nowMs });
  for (const id of pool.keys.keys()) if (!wanted.has(id)) removeKey(pool, id, nowMs);
}

export function setPoolBackups(pool: KeyPool, unused: number): void {
  pool.unusedBackups = unused;
  const isLow = unused < pool.config.lowBackups;
  if (isLow && !pool.backupsAlerted) alert(pool, { alert: 'backups_low', left: unused });
  pool.backupsAlerted = isLow;
}

/** Puts a key in, or takes over what was changed of it. */
export function setKey(
  pool: KeyPool,
  options: {
    readonly record: KeyRecord;
    readonly route: (bindings: KeyFacts['bindings'], before?: Route) => Route;
    readonly changedBy: ChangedBy;
    readonly nowMs: number;
  },
): void {
  const { record, route, changedBy, nowMs } = options;
  const { facts, changedByHand } = record;
  const known = pool.keys.get(facts.id);
  if (known === undefined) {
    const generation = BigInt(pool.term) * GENERATIONS_PER_TERM;
    const state = facts.state.generation < generation ? { ...facts.state, generation } : facts.state;
    const key: PoolKey = {
      facts,
      state,
      route: route(facts.bindings),
      scopeVersion: pool.scopeVersion,
      rotating: false,
      deniedModels: [],
      dueMs: Infinity,
    };
    pool.keys.set(facts.id, key);
    bind(pool, facts);
    setScope(pool, key, nowMs);
    refreshKey(pool, key, nowMs);
    pushKey(pool, key, false);
    if (changedByHand) pool.writes.changed(facts.id);
    return;
  }
  const before = known.facts;
  unbind(pool, before);
  known.facts = facts;
  const nextRoute = route(facts.bindings, known.route);
  if (!isSameRoute(known.route, nextRoute)) {
    known.route = nextRoute;
    pushKey(pool, known, false);
  }
  bind(pool, facts);
  if (isEdited(before, facts)) {
    const { enableFailover } = facts.terms;
    applyToKey(pool, known, { event: { type: 'edit', actor: changedBy, enableFailover }, nowMs });
    if (before.secret !== facts.secret) {
      applyToKey(pool, known, { event: { type: 'reset', actor: changedBy }, nowMs });
    }
    revokeScope(pool, known, nowMs);
  }
  if (changedByHand) takeState(pool, known, { stored: facts.state, nowMs });
  refreshKey(pool, known, nowMs);
}

export function removeKey(pool: KeyPool, id: string, nowMs: number): void {
  const key = pool.keys.get(id);
  if (key === undefined) return;
  if (key.rotating) pool.rotations -= 1;
  pool.keys.delete(id);
  pool.ring.remove(id);
  pool.troubled.delete(id);
  pool.probeable.delete(id);
  pool.writes.forget(id);
  unbind(pool, key.facts);
  pool.affinityDue = true;
  pool.nextCooldown = undefined;
  pool.scopeVersion += 1;
  const settings = { scope: id, limits: { slots: 0, requests: 0, tokens: 0 }, version: pool.scopeVersion };
  handleQuota(pool, ownerSetScope(pool.owner, settings, nowMs), nowMs);
  for (const connection of pool.connections.values()) {
    connection.access.delete(id);
    connection.draft.goneKeys.add(id);
  }
}

/** All routes anew, after proxies have changed. */
export function rerouteKeys(pool: KeyPool, nowMs: number): void {
  pool.proxies.holdsChanged();
  const route = pool.proxies.router();
  for (const key of pool.keys.values()) {
    const next = route(key.facts.bindings, key.route);
    if (isSameRoute(key.route, next)) continue;
    key.route = next;
    refreshKey(pool, key, nowMs);
    pushKey(pool, key, false);
  }
  for (const { draft } of pool.connections.values()) for (const id of pool.proxies.ids) draft.proxies.add(id);
  pool.freed = true;
}

/** Somebody has written another state into the database: it counts as what an operator says. */
function takeState(
  pool: KeyPool,
  key: PoolKey,
  { stored, nowMs }: { readonly stored: KeyState; readonly nowMs: number },
): void {
  const { state } = key;
  const { id } = key.facts;
  if (state.status !== stored.status || state.cooldownUntilMs !== stored.cooldownUntilMs) {
    const generation = state.generation + 1n;
    const { enabled, paused } = state;
    key.state = { ...stored, enabled, paused, generation };
    const by = { cause: 'edit', actor: 'database', atMs: nowMs } as const;
    pool.writes.note({ ...by, keyId: id, from: state.status, to: stored.status, generation });
    pushKey(pool, key, false);
    revokeScope(pool, key, nowMs);
  }
  if (state.enabled !== stored.enabled) {
    const type = stored.enabled ? 'enable' : 'disable';
    applyToKey(pool, key, { event: { type, actor: 'database' }, nowMs });
  }
  // what stands there by hand is marked as known
  pool.writes.changed(id);
}

function bind({ boundTo }: KeyPool, { id, bindings }: KeyFacts): void {
  for (const { proxyId, isActive } of bindings) {
    if (!isActive) continue;
    const keys = boundTo.get(proxyId);
    if (keys === undefined) boundTo.set(proxyId, new Set([id]));
    else keys.add(id);
  }
}

function unbind({ boundTo }: KeyPool, { id, bindings }: KeyFacts): void {
  for (const { proxyId } of bindings) {
    const keys = boundTo.get(proxyId);
    keys?.delete(id);
    if (keys?.size === 0) boundTo.delete(proxyId);
  }
}

function isEdited({ secret, terms: a }: KeyFacts, { secret: other, terms: b }: KeyFacts): boolean {
  return (
    secret !== other ||
    a.enableFailover !== b.enableFailover ||
    a.slots !== b.slots ||
    a.requestsPerMinute !== b.requestsPerMinute ||
    a.tokensPerMinute !== b.tokensPerMinute ||
    (a.allowedModels ?? []).join('\n') !== (b.allowedModels ?? []).join('\n')
  );
}

function isSameRoute(a: Route, b: Route): boolean {
  if (a.via === 'proxy' && b.via === 'proxy') return a.proxyId === b.proxyId;
  if (a.via === 'none' && b.via === 'none') return a.reason === b.reason;
  return a.via === b.via;
}
