import { KeyRing } from '@omg/affinity';

/** Every model. */
const ANY = '';
/** Models that have a turn of their own; for others the keys that do not fit lose theirs. */
const MAX_KINDS = 64;

/**
 * Leasable keys in turn. Those without a free slot stand aside until one comes free, and each model has its own turn
 * among the keys that serve it: a take costs the same however many keys there are, and takes no turn from others.
 */
export class KeyTurns {
  readonly #fits: (keyId: string, model: string) => boolean;
  readonly #leasable = new Set<string>();
  readonly #full = new Set<string>();
  /** They do not serve every model. */
  readonly #choosy = new Set<string>();
  readonly #rings = new Map<string, KeyRing>([[ANY, new KeyRing()]]);

  constructor(fits: (keyId: string, model: string) => boolean) {
    this.#fits = fits;
  }

  get size(): number {
    return this.#leasable.size;
  }

  get ids(): Iterable<string> {
    return this.#leasable;
  }

  /** Those that had no free slot when they were looked at last. */
  get full(): Iterable<string> {
    return this.#full;
  }

  has(keyId: string): boolean {
    return this.#leasable.has(keyId);
  }

  isFull(keyId: string): boolean {
    return this.#full.has(keyId);
  }

  /** Also for a key that is there and serves other models now. */
  add(keyId: string, { isChoosy }: { readonly isChoosy: boolean }): void {
    this.#leasable.add(keyId);
    if (isChoosy) this.#choosy.add(keyId);
    else this.#choosy.delete(keyId);
    this.#forgetKinds();
    if (!this.#full.has(keyId)) this.#enter(keyId);
  }

  remove(keyId: string): void {
    this.#leasable.delete(keyId);
    this.#full.delete(keyId);
    this.#choosy.delete(keyId);
    this.#forgetKinds();
    for (const ring of this.#rings.values()) ring.remove(keyId);
  }

  setFull(keyId: string): void {
    if (!this.#leasable.has(keyId)) return;
    this.#full.add(keyId);
    for (const ring of this.#rings.values()) ring.remove(keyId);
  }

  setFree(keyId: string): void {
    if (this.#full.delete(keyId)) this.#enter(keyId);
  }

  /** The next one for the model that passes; `passes` may call `setFull`. */
  next(model: string, passes: (keyId: string) => boolean): string | undefined {
    return this.#ringOf(model).next((keyId) => this.#fits(keyId, model) && passes(keyId));
  }

  #enter(keyId: string): void {
    for (const [model, ring] of this.#rings) {
      if (this.#fits(keyId, model)) ring.add(keyId);
      else ring.remove(keyId);
    }
  }

  #ringOf(model: string): KeyRing {
    const all = this.#rings.get(ANY) ?? new KeyRing();
    if (this.#choosy.size === 0 || model === ANY) return all;
    const known = this.#rings.get(model);
    if (known !== undefined || this.#rings.size > MAX_KINDS) return known ?? all;
    const ring = new KeyRing();
    for (const id of this.#leasable) if (!this.#full.has(id) && this.#fits(id, model)) ring.add(id);
    this.#rings.set(model, ring);
    return ring;
  }

  #forgetKinds(): void {
    if (this.#choosy.size > 0 || this.#rings.size === 1) return;
    for (const model of this.#rings.keys()) if (model !== ANY) this.#rings.delete(model);
  }
}
