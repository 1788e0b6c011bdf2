import { changed, type Transition, type TransitionContext } from './key-change.ts';
import type { Outcome } from './key-event.ts';
import { NOTHING_IN_A_ROW, type KeyState } from './key-state.ts';
import type { OutcomeKind } from './outcome-kind.ts';
import { afterUnknownProbe } from './unknown-probe.ts';

/** What a key that serves at the backup endpoint learns from its probe of the primary one. */
export function afterReturnProbe(
  key: KeyState,
  { kind, outcome }: { readonly kind: OutcomeKind; readonly outcome: Outcome },
  context: TransitionContext,
): Transition {
  const { config, nowMs } = context;
  const { cause } = outcome;
  switch (kind) {
    case 'success': {
      const to = {
        status: 'healthy',
        endpoint: 'primary',
        primaryRetryAtMs: undefined,
        cooldownUntilMs: undefined,
        probe: undefined,
        inARow: NOTHING_IN_A_ROW,
      } as const;
      return changed(key, { to, cause, leases: 'revoke', nowMs });
    }
    case 'blocked':
    case 'auth': {
      // nothing new: it goes on where it serves, whose own answers tell if it is dead there too
      const to = { primaryRetryAtMs: nowMs + config.failoverMs, probe: undefined };
      return changed(key, { to, cause, leases: 'keep', nowMs });
    }
    case 'innocent':
    case 'model_denied':
    case 'rate_limited':
    case 'failure':
      return afterUnknownProbe(key, cause, context);
  }
}
