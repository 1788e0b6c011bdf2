import { nowMs } from '../fake-common/clock.ts';

const MAX_ENTRIES = 20_000;

/** One connection that a client asked for. Times are epoch milliseconds. */
export interface TunnelEntry {
  readonly id: number;
  readonly kind: 'connect' | 'forward' | 'socks5';
  /** `host:port`; null when the client never got to say it. */
  target: string | null;
  user: string | null;
  readonly openedAtMs: number;
  /** The target was reached. */
  establishedAtMs: number | null;
  closedAtMs: number | null;
  /** The proxy's own port on the connection to the target. */
  localPort: number | null;
  /** Bytes passed on to the target and to the client. */
  bytesUp: number;
  bytesDown: number;
  refused: string | null;
}

export interface ProxyStats {
  readonly tunnels: number;
  readonly open: number;
  readonly established: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly byKind: Readonly<Record<string, number>>;
  readonly byTarget: Readonly<Record<string, number>>;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** What the proxy was asked and did: the last entries, and sums over all of them. */
export class TunnelBooks {
  readonly #entries = new Map<number, TunnelEntry>();
  #lastId = 0;
  #open = 0;
  #sums = noSums();

  opened(kind: TunnelEntry['kind'], target: string | null, user: string | null): TunnelEntry {
    this.#lastId += 1;
    const entry: TunnelEntry = {
      id: this.#lastId,
      kind,
      target,
      user,
      openedAtMs: nowMs(),
      establishedAtMs: null,
      closedAtMs: null,
      localPort: null,
      bytesUp: 0,
      bytesDown: 0,
      refused: null,
    };
    this.#entries.set(entry.id, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    this.#open += 1;
    this.#sums.tunnels += 1;
    count(this.#sums.byKind, kind);
    return entry;
  }

  established(entry: TunnelEntry, localPort: number): void {
    entry.establishedAtMs = nowMs();
    entry.localPort = localPort;
    this.#sums.established += 1;
    count(this.#sums.byTarget, entry.target ?? '');
  }

  passed(entry: TunnelEntry, direction: 'bytesUp' | 'bytesDown', sizeBytes: number): void {
    entry[direction] += sizeBytes;
    this.#sums[direction] += sizeBytes;
  }

  refused(entry: TunnelEntry, reason: string): void {
    entry.refused = reason;
    count(this.#sums.refused, reason);
  }

  closed(entry: TunnelEntry): void {
    if (entry.closedAtMs !== null) return;
    entry.closedAtMs = nowMs();
    this.#open -= 1;
  }

  list(): TunnelEntry[] {
    return [...this.#entries.values()];
  }

  clear(): void {
    this.#entries.clear();
    this.#sums = noSums();
  }

  stats(): ProxyStats {
    return { ...structuredClone(this.#sums), open: this.#open };
  }
}

interface Sums {
  tunnels: number;
  established: number;
  bytesUp: number;
  bytesDown: number;
  refused: Record<string, number>;
  byKind: Record<string, number>;
  byTarget: Record<string, number>;
}

function noSums(): Sums {
  return { tunnels: 0, established: 0, bytesUp: 0, bytesDown: 0, refused: {}, byKind: {}, byTarget: {} };
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
