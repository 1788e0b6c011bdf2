import type { ProxyCandidate } from './proxy-choice.ts';

export interface ProxyHealthConfig {
  readonly checkEveryMs: number;
  /** After a failure, until it is clear. */
  readonly recheckMs: number;
  /** Of so many last results ... */
  readonly window: number;
  /** ... so many failures make it unusable. */
  readonly maxFailures: number;
  readonly cooldownMs: number;
}

export const PROXY_HEALTH_DEFAULTS: ProxyHealthConfig = {
  checkEveryMs: 60_000,
  recheckMs: 5_000,
  window: 5,
  maxFailures: 3,
  cooldownMs: 5 * 60_000,
};

export interface ProxyHealth {
  /** The last results, the newest last; true: it worked. */
  readonly results: readonly boolean[];
  /** Set: not used until a check after this moment has gone well. */
  readonly cooldownUntilMs: number | undefined;
  readonly nextCheckAtMs: number;
  readonly lastError: string | undefined;
}

export type ProxyEvent =
  | { readonly type: 'check'; readonly ok: boolean; readonly message?: string }
  /** What a lease tells: it reached the upstream through the proxy, or failed at the proxy. */
  | { readonly type: 'lease'; readonly ok: boolean; readonly message?: string }
  | { readonly type: 'reset' };

export interface ProxyTransition {
  /** The same object where nothing changed. */
  readonly health: ProxyHealth;
  readonly alert?: 'proxy_dead' | 'proxy_recovered';
}

/** A proxy that nothing is known of: checked at once. */
export const NEW_PROXY_HEALTH: ProxyHealth = {
  results: [],
  cooldownUntilMs: undefined,
  nextCheckAtMs: 0,
  lastError: undefined,
};

export function proxyStanding({ results, cooldownUntilMs }: ProxyHealth): ProxyCandidate['standing'] {
  if (cooldownUntilMs !== undefined) return 'unusable';
  if (results.at(-1) === true) return 'healthy';
  return results.includes(true) ? 'shaky' : 'unproven';
}

/** Half-open is when the next check is due: only that one check decides, and no lease is risked for it. */
export function isCheckDue({ nextCheckAtMs }: ProxyHealth, nowMs: number): boolean {
  return nextCheckAtMs <= nowMs;
}

export function proxyTransition(
  health: ProxyHealth,
  event: ProxyEvent,
  { config, nowMs }: { readonly config: ProxyHealthConfig; readonly nowMs: number },
): ProxyTransition {
  const isCooling = health.cooldownUntilMs !== undefined;
  if (event.type === 'reset') return { health: NEW_PROXY_HEALTH };
  if (isCooling && (event.type === 'lease' || !isCheckDue(health, nowMs))) return { health };
  const lastError = event.ok ? undefined : (event.message ?? 'failed');
  const plannedMs = event.type === 'check' ? nowMs + config.checkEveryMs : health.nextCheckAtMs;
  const nextCheckAtMs = event.ok ? plannedMs : Math.min(plannedMs, nowMs + config.recheckMs);
  if (isCooling) {
    if (!event.ok) return { health: coolingHealth(nowMs + config.cooldownMs, lastError) };
    const recovered = { results: [true], cooldownUntilMs: undefined, nextCheckAtMs, lastError };
    return { health: recovered, alert: 'proxy_recovered' };
  }
  const results = [...health.results, event.ok].slice(-config.window);
  if (results.filter((ok) => !ok).length >= config.maxFailures) {
    return { health: coolingHealth(nowMs + config.cooldownMs, lastError), alert: 'proxy_dead' };
  }
  return { health: { ...health, results, nextCheckAtMs, lastError } };
}

function coolingHealth(untilMs: number, lastError: string | undefined): ProxyHealth {
  return { results: [], cooldownUntilMs: untilMs, nextCheckAtMs: untilMs, lastError };
}
