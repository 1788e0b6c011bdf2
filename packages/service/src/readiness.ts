import { scrubText, type Logger } from '@omg/telemetry';

/** True, or the reason why not. */
export type CheckResult = true | string;
export type Check = (signal: AbortSignal) => CheckResult | Promise<CheckResult>;

export interface ReadinessReport {
  readonly ready: boolean;
  /** The reason of every check that fails, by its name. */
  readonly failing: Readonly<Record<string, string>>;
}

const CHECK_TIMEOUT_MS = 1_000;
const PHASE = 'phase';

/**
 * Whether a process wants traffic: once it serves, while no part says no, and until it drains. Each change of a part is
 * logged once.
 */
export class Readiness {
  readonly #logger: Logger;
  readonly #checks = new Map<string, Check>();
  readonly #last = new Map<string, CheckResult>();

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#last.set(PHASE, 'starting');
  }

  /** What a part says of itself; it stands until the part says otherwise. */
  set(name: string, result: CheckResult): void {
    this.#note(name, result);
  }

  /** A part that is asked whenever somebody wants to know; no answer in a second is a no. */
  check(name: string, check: Check): void {
    this.#checks.set(name, check);
  }

  /** The start is over. */
  serve(): void {
    if (this.#last.get(PHASE) === 'starting') this.#note(PHASE, true);
  }

  /** From now on the process wants no new work, whatever its parts say. */
  drain(): void {
    this.#note(PHASE, 'draining');
  }

  async report(): Promise<ReadinessReport> {
    await Promise.all(
      [...this.#checks].map(async ([name, check]) => {
        this.#note(name, await runCheck(check));
      }),
    );
    const failing = [...this.#last].flatMap(([name, result]) => (result === true ? [] : [[name, result] as const]));
    return { ready: failing.length === 0, failing: Object.fromEntries(failing) };
  }

  #note(name: string, result: CheckResult): void {
    const before = this.#last.get(name);
    const now = result === true ? true : scrubText(result);
    this.#last.set(name, now);
    if (name === PHASE || before === now) return;
    if (now !== true) this.#logger.warn({ check: name, reason: now }, 'not ready');
    else if (before !== undefined) this.#logger.info({ check: name }, 'ready again');
  }
}

async function runCheck(check: Check): Promise<CheckResult> {
  const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  const { promise: late, resolve } = Promise.withResolvers<CheckResult>();
  const giveUp = (): void => {
    resolve(`no answer within ${CHECK_TIMEOUT_MS} ms`);
  };
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([check(signal), late]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
