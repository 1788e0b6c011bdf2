import type { Deleted } from '../pool-store.ts';
import type { AdminDeps } from './admin-deps.ts';
import { requireLines } from './line-by-line.ts';

export interface DeleteKeysInput {
  readonly provider: string;
  readonly keyIds: readonly string[];
  readonly actor: string;
}

/** With their bindings. */
export function makeDeleteKeys({ offices, clock }: AdminDeps): (input: DeleteKeysInput) => Promise<Deleted> {
  return async ({ provider, keyIds, actor }) => {
    const office = offices.get(provider);
    requireLines(keyIds.length);
    const deleted = await office.store.deleteKeys(keyIds, { actor, nowMs: clock.nowMs() });
    await office.refresh();
    return deleted;
  };
}
