import type { LeaseCause, LeaseVerdict } from '../../app/lease-broker.ts';

interface Judged {
  failures: number;
  untilMs: number;
  readonly deniedModels: Set<string>;
}

const KINDS: Readonly<
  Record<LeaseCause, 'success' | 'blocked' | 'model_denied' | 'rate_limited' | 'failure' | 'innocent'>
> = {
  success: 'success',
  ban: 'blocked',
  quota: 'blocked',
  auth: 'blocked',
  model_denied: 'model_denied',
  rate_limited: 'rate_limited',
  upstream_error: 'failure',
  connection: 'failure',
  timeout: 'failure',
  unattributed_403: 'failure',
  // not the key's fault, but the key cannot be used on this way as long as nobody names another one
  proxy_error: 'failure',
  request_fault: 'innocent',
  cancelled: 'innocent',
};

const FAILURES = 3;
const FAILED_MS = 30_000;
const RATE_LIMITED_MS = 2_000;

/** What this process has seen of keys since the broker last spoke: the broker's place while it is away. */
export class VerdictTable {
  readonly #keys = new Map<string, Judged>();

  note(keyId: string, { cause, retryAfterMs, model }: LeaseVerdict, nowMs: number): void {
    const kind = KINDS[cause];
    if (kind === 'innocent') return;
    if (kind === 'success') {
      this.#keys.delete(keyId);
      return;
    }
    const judged = this.#keys.get(keyId) ?? { failures: 0, untilMs: -Infinity, deniedModels: new Set() };
    this.#keys.set(keyId, judged);
    if (kind === 'model_denied') judged.deniedModels.add(model ?? '');
    else if (kind === 'blocked') judged.untilMs = Infinity;
    else if (kind === 'rate_limited')
      judged.untilMs = Math.max(judged.untilMs, nowMs + (retryAfterMs ?? RATE_LIMITED_MS));
    else if (++judged.failures % FAILURES === 0) judged.untilMs = Math.max(judged.untilMs, nowMs + FAILED_MS);
  }

  blocks(keyId: string, model: string, nowMs: number): boolean {
    const judged = this.#keys.get(keyId);
    return judged !== undefined && (nowMs < judged.untilMs || judged.deniedModels.has(model));
  }

  /** The broker has spoken. */
  clear(): void {
    this.#keys.clear();
  }
}
