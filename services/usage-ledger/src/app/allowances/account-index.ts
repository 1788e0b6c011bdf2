import type { LoadedScope } from './scope-loader.ts';

/** Which of a partition's scopes are in memory, by tenant, and when they have to be read again. */
export class AccountIndex {
  readonly #byTenant = new Map<string, Set<string>>();
  readonly #tenantOf = new Map<string, string>();
  readonly #againAt = new Map<string, Date>();

  note({ settings: { scope }, tenantId, againAt }: LoadedScope): void {
    this.forget(scope);
    if (tenantId === undefined) return;
    this.#tenantOf.set(scope, tenantId);
    this.#byTenant.getOrInsertComputed(tenantId, () => new Set()).add(scope);
    if (againAt !== undefined) this.#againAt.set(scope, againAt);
  }

  forget(scope: string): void {
    const tenantId = this.#tenantOf.get(scope);
    if (tenantId === undefined) return;
    this.#tenantOf.delete(scope);
    this.#againAt.delete(scope);
    const scopes = this.#byTenant.get(tenantId);
    scopes?.delete(scope);
    if (scopes?.size === 0) this.#byTenant.delete(tenantId);
  }

  ofTenant(tenantId: string): Iterable<string> {
    return this.#byTenant.get(tenantId) ?? [];
  }

  all(): Iterable<string> {
    return this.#tenantOf.keys();
  }

  /** What has to be read again by now. */
  due(now: Date): readonly string[] {
    return [...this.#againAt].filter(([, at]) => at <= now).map(([scope]) => scope);
  }
}
