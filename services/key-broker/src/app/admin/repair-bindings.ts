import type { AdminDeps } from './admin-deps.ts';

export interface RepairBindingsInput {
  readonly provider: string;
  readonly actor: string;
}

export interface RepairBindingsResult {
  readonly checked: number;
  readonly repaired: number;
  readonly deleted: number;
}

/** Bindings whose key is gone go to the key that took its place, or are deleted where there is none. */
export function makeRepairBindings({
  offices,
  clock,
}: AdminDeps): (input: RepairBindingsInput) => Promise<RepairBindingsResult> {
  return async ({ provider, actor }) => {
    const office = offices.get(provider);
    const repair = await office.store.repairBindings({ actor, nowMs: clock.nowMs() });
    await office.refresh();
    return repair;
  };
}
