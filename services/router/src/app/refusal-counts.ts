import type { Dialect, GatewayErrorKind } from '@omg/llm-wire';

/** A request that was refused before anything of it was forwarded. */
export interface Refusal {
  /** Undefined where it is not known who asked: then only the cause is counted, whatever was presented. */
  readonly account: { readonly tenantId: string; readonly clientKeyId: string } | undefined;
  readonly dialect: Dialect;
  readonly kind: GatewayErrorKind;
  /** What the client saw. */
  readonly status: number;
}

/** Requests that were refused alike. */
export interface RefusalRow extends Refusal {
  /** The minute that they came in. */
  readonly minute: Date;
  readonly count: number;
  /** Of several accounts and minutes; `minute` is the first one. */
  readonly merged: boolean;
}

const MINUTE_MS = 60_000;

/**
 * Counts refused requests by account, cause and minute, in bounded memory: what would be a row too many goes into one for
 * all accounts and minutes, of which there are as many as there are causes.
 */
export class RefusalCounts {
  readonly #maxRows: number;
  readonly #rows = new Map<string, RefusalRow>();
  readonly #others = new Map<string, RefusalRow>();

  constructor({ maxRows }: { readonly maxRows: number }) {
    this.#maxRows = maxRows;
  }

  get size(): number {
    return this.#rows.size + this.#others.size;
  }

  add({ account, dialect, kind, status }: Refusal, at: Date): void {
    const minute = new Date(Math.floor(at.getTime() / MINUTE_MS) * MINUTE_MS);
    const cause = `${kind} ${status} ${dialect}`;
    const name = JSON.stringify([cause, minute.getTime(), account?.tenantId, account?.clientKeyId]);
    const hasRoom = this.#rows.size < this.#maxRows || this.#rows.has(name);
    if (hasRoom) increment(this.#rows, name, { account, dialect, kind, status, minute, merged: false });
    else increment(this.#others, cause, { account: undefined, dialect, kind, status, minute, merged: true });
  }

  /** Takes rows out, the oldest first and those of the others last. */
  take(most: number): readonly RefusalRow[] {
    const taken: RefusalRow[] = [];
    for (const rows of [this.#rows, this.#others]) {
      for (const [name, row] of rows) {
        if (taken.length === most) return taken;
        taken.push(row);
        rows.delete(name);
      }
    }
    return taken;
  }
}

function increment(rows: Map<string, RefusalRow>, name: string, fresh: Omit<RefusalRow, 'count'>): void {
  const row = rows.get(name) ?? { ...fresh, count: 0 };
  rows.set(name, { ...row, count: row.count + 1 });
}
