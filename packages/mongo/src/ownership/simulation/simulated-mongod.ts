import type { View } from '../ownership-state.ts';
import type { FenceResult } from '../slot.ts';
import { LEASE_MS, MEMBER_MS } from '../timing.ts';

interface OwnerDocument {
  readonly holder: string;
  readonly term: number;
  readonly lsids: readonly string[];
  readonly untilMs: number;
}

export interface Commit {
  readonly id: string;
  readonly term: number;
  readonly holder: string;
  readonly atMs: number;
}

/** What ownership needs of mongod: each call happens at one moment, by the server's clock. */
export class SimulatedMongod {
  readonly commits: Commit[] = [];
  readonly #clockMs: () => number;
  readonly #realMs: () => number;
  readonly #ids: readonly string[];
  readonly #owners = new Map<string, OwnerDocument>();
  readonly #members = new Map<string, { readonly sinceMs: number; readonly untilMs: number }>();
  readonly #fences = new Map<string, { readonly term: number; readonly holder: string }>();
  /** Open transactions that have changed a fence, by its id. */
  readonly #locks = new Map<string, { readonly lsid: string; readonly term: number; readonly holder: string }>();

  constructor(ids: readonly string[], clockMs: () => number, realMs: () => number) {
    this.#ids = ids;
    this.#clockMs = clockMs;
    this.#realMs = realMs;
  }

  look(holder: string, beat: boolean): View {
    const now = this.#clockMs();
    if (beat) {
      const known = this.#members.get(holder);
      const sinceMs = known !== undefined && known.untilMs > now ? known.sinceMs : now;
      this.#members.set(holder, { sinceMs, untilMs: now + MEMBER_MS });
    }
    const members = [...this.#members].filter(([, { untilMs }]) => untilMs > now);
    return {
      members: members.toSorted(([, one], [, other]) => one.sinceMs - other.sinceMs).map(([name]) => name),
      owners: this.#ids.map((id) => {
        const owner = this.#ownerOf(id);
        return { id, holder: owner.holder, address: '', term: owner.term, isOver: owner.untilMs <= now };
      }),
    };
  }

  resign(holder: string): void {
    this.#members.delete(holder);
  }

  /** The lsids to end, where the claim was won. */
  claim(
    id: string,
    by: { readonly holder: string; readonly lsid: string },
    { seenTerm, term }: { readonly seenTerm: number; readonly term: number },
  ): readonly string[] | undefined {
    const owner = this.#ownerOf(id);
    const isFree = owner.untilMs <= this.#clockMs() || owner.holder === by.holder;
    if (owner.term !== seenTerm || !isFree) return undefined;
    const untilMs = this.#clockMs() + LEASE_MS;
    this.#owners.set(id, { holder: by.holder, term, lsids: [...owner.lsids, by.lsid], untilMs });
    return owner.lsids;
  }

  renew(id: string, holder: string, { term, lsid }: { readonly term: number; readonly lsid?: string }): boolean {
    const owner = this.#ownerOf(id);
    if (owner.holder !== holder || owner.term !== term) return false;
    const lsids = lsid === undefined ? owner.lsids : [lsid];
    this.#owners.set(id, { ...owner, lsids, untilMs: this.#clockMs() + LEASE_MS });
    return true;
  }

  release(id: string, holder: string, term: number): boolean {
    const owner = this.#ownerOf(id);
    if (owner.holder !== holder || owner.term !== term) return false;
    this.#owners.set(id, { ...owner, holder: '', untilMs: this.#clockMs() });
    return true;
  }

  killSessions(lsids: readonly string[]): void {
    for (const [id, lock] of this.#locks) if (lsids.includes(lock.lsid)) this.#locks.delete(id);
  }

  /** `blocked` while a transaction that changed the fence is open. */
  writeFence(id: string, holder: string, term: number): FenceResult | 'blocked' {
    const fence = this.#fences.get(id);
    if (fence !== undefined && (fence.term > term || (fence.term === term && fence.holder !== holder)))
      return { above: fence.term };
    if (this.#locks.has(id)) return 'blocked';
    this.#fences.set(id, { term, holder });
    return 'written';
  }

  /** The first operation of an owner's transaction. */
  changeFence(
    id: string,
    by: { readonly holder: string; readonly lsid: string },
    term: number,
  ): 'done' | 'moved' | 'conflict' {
    const lock = this.#locks.get(id);
    if (lock !== undefined && lock.lsid !== by.lsid) return 'conflict';
    // a new transaction of a session ends the one that is open there
    this.#locks.delete(id);
    if (this.#fences.get(id)?.term !== term) return 'moved';
    this.#locks.set(id, { ...by, term });
    return 'done';
  }

  commit(id: string, lsid: string): boolean {
    const lock = this.#locks.get(id);
    if (lock?.lsid !== lsid) return false;
    this.#locks.delete(id);
    this.commits.push({ id, term: lock.term, holder: lock.holder, atMs: this.#realMs() });
    return true;
  }

  #ownerOf(id: string): OwnerDocument {
    return this.#owners.get(id) ?? { holder: '', term: 0, lsids: [], untilMs: 0 };
  }
}
