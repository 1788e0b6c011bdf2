import { OmgError } from '@omg/errors';
import { existingKey, existingProxy, type AdminDeps } from './admin-deps.ts';
import { makeBindingReporter, type BindingReport } from './key-report.ts';

export interface SetBindingInput {
  readonly provider: string;
  readonly keyId: string;
  readonly proxyId: string;
  /** 0: 1 for a new one, else as it is. */
  readonly priority: number;
  readonly active: boolean | undefined;
  readonly actor: string;
}

const LAST_PRIORITY = 10;

/** Makes the binding, or changes it. */
export function makeSetBinding({ offices, clock }: AdminDeps): (input: SetBindingInput) => Promise<BindingReport> {
  return async ({ provider, keyId, proxyId, priority, active, actor }) => {
    const office = offices.get(provider);
    if (priority > LAST_PRIORITY) {
      throw new OmgError('invalid_argument', `priority must be 1 to ${LAST_PRIORITY}; 1 is tried first`);
    }
    existingKey(office, keyId);
    existingProxy(office, proxyId);
    const change = {
      keyId,
      proxyId,
      ...(priority === 0 ? {} : { priority }),
      ...(active === undefined ? {} : { isActive: active }),
    };
    const binding = await office.store.setBinding(change, { actor, nowMs: clock.nowMs() });
    await office.refresh();
    return makeBindingReporter(office)(binding);
  };
}
