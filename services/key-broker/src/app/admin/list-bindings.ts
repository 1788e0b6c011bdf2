import type { AdminDeps } from './admin-deps.ts';
import { inOrder, makeBindingReporter, type BindingReport } from './key-report.ts';

export interface ListBindingsInput {
  readonly provider: string;
  /** Empty: of all keys. */
  readonly keyId: string;
  /** Empty: of all proxies. */
  readonly proxyId: string;
}

export function makeListBindings({
  offices,
}: Pick<AdminDeps, 'offices'>): (input: ListBindingsInput) => readonly BindingReport[] {
  return ({ provider, keyId, proxyId }) => {
    const office = offices.get(provider);
    const bindings = office
      .bindingsNow()
      .filter(
        (binding) => (keyId === '' || binding.keyId === keyId) && (proxyId === '' || binding.proxyId === proxyId),
      );
    return inOrder(bindings).map(makeBindingReporter(office));
  };
}
