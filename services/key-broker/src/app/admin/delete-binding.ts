import { OmgError } from '@omg/errors';
import type { AdminDeps } from './admin-deps.ts';

export interface DeleteBindingInput {
  readonly provider: string;
  readonly keyId: string;
  readonly proxyId: string;
  readonly actor: string;
}

export function makeDeleteBinding({ offices, clock }: AdminDeps): (input: DeleteBindingInput) => Promise<void> {
  return async ({ provider, keyId, proxyId, actor }) => {
    const office = offices.get(provider);
    const isDeleted = await office.store.deleteBinding({ keyId, proxyId }, { actor, nowMs: clock.nowMs() });
    await office.refresh();
    if (!isDeleted) {
      throw new OmgError('not_found', `${JSON.stringify(keyId)} is not bound to the proxy ${JSON.stringify(proxyId)}`);
    }
  };
}
