import type { KeyNow, PoolOffice } from '../pool-office.ts';
import type { StoredBinding } from '../pool-store.ts';
import { byName } from './page.ts';

export interface BindingReport {
  readonly binding: StoredBinding;
  /** Its key, or its proxy, does not exist. */
  readonly orphaned: boolean;
}

/** What is shown of a key, its secret apart, which is masked where it leaves. */
export interface KeyReport extends Omit<KeyNow, 'bindings'> {
  readonly bindings: readonly BindingReport[];
  /** Those that still hold, by name. */
  readonly deniedModels: readonly { readonly model: string; readonly untilMs: number }[];
}

export function makeKeyReporter(office: PoolOffice, nowMs: number): (now: KeyNow) => KeyReport {
  const reportBinding = makeBindingReporter(office);
  return (now) => ({
    ...now,
    bindings: inOrder(now.bindings).map(reportBinding),
    deniedModels: byName(
      [...now.key.state.deniedModels].flatMap(([model, untilMs]) => (untilMs > nowMs ? [{ model, untilMs }] : [])),
      ({ model }) => model,
    ),
  });
}

export function makeBindingReporter(office: PoolOffice): (binding: StoredBinding) => BindingReport {
  const proxies = new Set(office.proxiesNow().map(({ proxy }) => proxy.id));
  return (binding) => ({
    binding,
    orphaned: !proxies.has(binding.proxyId) || office.keyNow(binding.keyId) === undefined,
  });
}

/** By key, and each key's as they are tried. */
export function inOrder(bindings: readonly StoredBinding[]): readonly StoredBinding[] {
  const sorted = byName(bindings, ({ proxyId }) => proxyId).toSorted((a, b) => a.priority - b.priority);
  return byName(sorted, ({ keyId }) => keyId);
}
