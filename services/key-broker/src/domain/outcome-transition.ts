import { backoffMs, retryAfterWithJitterMs } from './backoff.ts';
import { changed, cooldown, counted, unchanged, type Transition, type TransitionContext } from './key-change.ts';
import { isServing } from './key-availability.ts';
import type { Outcome } from './key-event.ts';
import { NOTHING_IN_A_ROW, type KeyState } from './key-state.ts';
import { outcomeKinds } from './outcome-kind.ts';
import { afterReturnProbe } from './return-probe.ts';
import { afterUnknownProbe } from './unknown-probe.ts';

interface Attempt {
  readonly outcome: Outcome;
  /** It decides, and ends the probe; any other outcome leaves the probe that runs where it is. */
  readonly isProbe: boolean;
}

/** What an attempt's outcome makes of its key; one of an older generation or of another endpoint is void. */
export function afterOutcome(key: KeyState, outcome: Outcome, context: TransitionContext): Transition {
  if (key.status === 'gone' || outcome.generation !== key.generation) return unchanged(key);
  const isProbe = key.probe?.generation === outcome.generation && key.probe.endpoint === outcome.endpoint;
  const kind = outcome.attributedTo === undefined ? outcomeKinds[outcome.cause] : 'innocent';
  if (outcome.endpoint !== key.endpoint) {
    return isProbe ? afterReturnProbe(key, { kind, outcome }, context) : unchanged(key);
  }
  switch (kind) {
    case 'success':
      return afterSuccess(key, isProbe, context);
    case 'innocent':
      return isProbe ? afterUnknownProbe(key, outcome.cause, context) : unchanged(key);
    case 'model_denied':
      return afterModelDenied(key, { outcome, isProbe }, context);
    case 'rate_limited':
      return afterRateLimit(key, { outcome, isProbe }, context);
    case 'blocked':
    case 'auth':
      return afterBlock(key, { kind, outcome, isProbe }, context);
    case 'failure':
      return afterFailure(key, { outcome, isProbe }, context);
  }
}

function afterSuccess(key: KeyState, isProbe: boolean, { nowMs }: TransitionContext): Transition {
  if (isProbe) {
    const status = key.endpoint === 'backup' ? 'using_failover' : 'healthy';
    const to = { status, probe: undefined, cooldownUntilMs: undefined, inARow: NOTHING_IN_A_ROW } as const;
    return changed(key, { to, cause: 'success', leases: 'keep', nowMs });
  }
  const { failures, rateLimits, errors, unknownProbes } = key.inARow;
  // of a key that does not serve, only a probe may tell
  if (!isServing(key) || failures + rateLimits + errors + unknownProbes === 0) return unchanged(key);
  return { key: { ...key, inARow: NOTHING_IN_A_ROW }, effects: [] };
}

function afterRateLimit(key: KeyState, { outcome, isProbe }: Attempt, context: TransitionContext): Transition {
  const { config, nowMs } = context;
  const waitMs =
    outcome.retryAfterMs === undefined
      ? backoffMs(config.rateLimit, key.inARow.rateLimits, context)
      : retryAfterWithJitterMs(Math.min(outcome.retryAfterMs, config.maxRetryAfterMs), context);
  const to = {
    ...cooldown(key, 'rate_limited', nowMs + waitMs),
    probe: isProbe ? undefined : key.probe,
    inARow: { ...key.inARow, rateLimits: key.inARow.rateLimits + 1 },
    lastError: outcome.message ?? outcome.cause,
  };
  return changed(key, { to, cause: outcome.cause, leases: 'revoke', nowMs });
}

/** Out of quota, banned, or not accepted at all: the backup endpoint, a backup key, or a long wait. */
function afterBlock(
  key: KeyState,
  { kind, outcome, isProbe }: Attempt & { readonly kind: 'blocked' | 'auth' },
  { config, nowMs, backupEndpoint, backupKeyAvailable }: TransitionContext,
): Transition {
  const { cause, message: lastError = cause } = outcome;
  if (kind === 'blocked' && key.enableFailover && backupEndpoint && key.endpoint === 'primary') {
    const to = {
      status: 'using_failover',
      endpoint: 'backup',
      primaryRetryAtMs: nowMs + config.failoverMs,
      // it was the other endpoint's
      cooldownUntilMs: undefined,
      probe: isProbe ? undefined : key.probe,
      inARow: NOTHING_IN_A_ROW,
      lastError,
    } as const;
    return changed(key, { to, cause, leases: 'revoke', nowMs });
  }
  const to = {
    ...cooldown(key, 'exhausted', nowMs + config.exhaustedMs),
    endpoint: 'primary',
    primaryRetryAtMs: undefined,
    probe: isProbe ? undefined : key.probe,
    lastError,
  } as const;
  const more = backupKeyAvailable
    ? ([{ type: 'rotate', cause, actor: 'key-broker' }] as const)
    : ([
        { type: 'alert', alert: 'key_exhausted' },
        { type: 'alert', alert: 'no_backup_key' },
      ] as const);
  return changed(key, { to, cause, leases: 'revoke', more, nowMs });
}

function afterFailure(key: KeyState, { outcome, isProbe }: Attempt, context: TransitionContext): Transition {
  const { config, nowMs } = context;
  const failures = key.inARow.failures + 1;
  const lastError = outcome.message ?? outcome.cause;
  if (failures >= config.failuresToError || key.status === 'error') {
    const untilMs = nowMs + backoffMs(config.error, key.inARow.errors, context);
    const inARow = { ...key.inARow, failures, errors: key.inARow.errors + 1 };
    const to = { ...cooldown(key, 'error', untilMs), probe: isProbe ? undefined : key.probe, inARow, lastError };
    return changed(key, { to, cause: outcome.cause, leases: 'revoke', nowMs });
  }
  const failed = { ...key, inARow: { ...key.inARow, failures }, lastError };
  return isProbe ? afterUnknownProbe(failed, outcome.cause, context) : counted(failed);
}

function afterModelDenied(key: KeyState, { outcome, isProbe }: Attempt, context: TransitionContext): Transition {
  const { config, nowMs } = context;
  const { model } = outcome;
  if (model === undefined) return isProbe ? afterUnknownProbe(key, outcome.cause, context) : unchanged(key);
  const untilMs = Math.max(nowMs + config.modelDeniedMs, key.deniedModels.get(model) ?? 0);
  const others = [...key.deniedModels].filter(([name, until]) => name !== model && until > nowMs);
  const deniedModels = new Map([...others, [model, untilMs] as const].slice(-config.maxDeniedModels));
  // the key itself was accepted, but that is not yet an answer
  if (isProbe) return afterUnknownProbe({ ...key, deniedModels }, outcome.cause, context);
  return changed(key, { to: { deniedModels }, cause: outcome.cause, leases: 'keep', nowMs });
}
