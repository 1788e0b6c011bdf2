import type { AuditedLog } from '../../domain/audit/audited-log.ts';
import type { Difference, Finding } from '../../domain/audit/finding.ts';
import type { Horizon } from '../../domain/audit/horizon.ts';
import { NumberAudit, type StoredMark } from '../../domain/audit/number-audit.ts';
import type { StoredLetter } from '../dead-letters/dead-letter-ports.ts';
import type { ReceivedEvent } from '../../domain/usage-record.ts';
import type { AuditStore } from './audit-ports.ts';

export interface NumberCheckDeps {
  readonly store: Pick<AuditStore, 'marks'>;
  readonly letters: {
    all: () => AsyncIterable<readonly StoredLetter[]>;
  };
  readonly readEvent: (payload: Uint8Array) => ReceivedEvent | undefined;
  /** Which of these requests are in the books. */
  readonly known: (requestIds: readonly string[]) => Promise<ReadonlySet<string>>;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What stands before a number may be on its way: gaps are looked at again, so often and so long after. */
const LOOKS_AGAIN = 5;
const LOOK_AGAIN_MS = 1_000;

/** The numbers of events while they are read: marks and letters are read before all logs, so that what they have is found. */
export class NumberCheck {
  readonly #deps: NumberCheckDeps;
  readonly #audit: NumberAudit;
  #marks: readonly StoredMark[] = [];

  constructor(deps: NumberCheckDeps, horizon: Horizon) {
    this.#deps = deps;
    this.#audit = new NumberAudit(horizon.chargedSinceMs);
  }

  async begin(): Promise<void> {
    this.#marks = await this.#deps.store.marks();
    for await (const letters of this.#deps.letters.all())
      for (const { partition, payload } of letters) {
        const numbered = this.#deps.readEvent(payload)?.numbered;
        if (numbered !== undefined) this.#audit.addLetter({ ...numbered, partition });
      }
  }

  *add(log: AuditedLog): Iterable<Finding> {
    const difference = this.#audit.addLog(log);
    if (difference !== undefined) yield { check: 'numbers', difference };
  }

  async *finish(signal: AbortSignal): AsyncIterable<Finding> {
    for (const mark of this.#marks) {
      const { differences, checked, unknowable } = this.#audit.holes(mark);
      yield { check: 'numbers', checked };
      if (unknowable > 0) yield { check: 'numbers', unknowable };
      for (const difference of differences) yield { check: 'numbers', difference };
    }
    for (const difference of this.#audit.unmarked(await this.#deps.store.marks()))
      yield { check: 'numbers', difference };
    for (const difference of await this.#lastingGaps(signal)) yield { check: 'numbers', difference };
    yield* this.#doubles();
  }

  async #lastingGaps(signal: AbortSignal): Promise<readonly Difference[]> {
    for (let looks = 0; ; looks += 1) {
      const gaps = (await this.#deps.store.marks()).flatMap((mark) => this.#audit.gaps(mark));
      if (gaps.length === 0 || looks === LOOKS_AGAIN || signal.aborted) return gaps;
      await this.#deps.pause(LOOK_AGAIN_MS, signal);
    }
  }

  /** A letter whose number another request has. */
  async *#doubles(): AsyncIterable<Finding> {
    for await (const letters of this.#deps.letters.all()) {
      const logged = letters.flatMap(({ id, partition, payload }) => {
        const event = this.#deps.readEvent(payload);
        const at = event?.numbered === undefined ? undefined : { ...event.numbered, partition };
        const requestId = event === undefined || 'fault' in event.content ? '' : event.content.requestId;
        return at !== undefined && this.#audit.isLogged(at) ? [{ id, at, requestId }] : [];
      });
      const known = await this.#deps.known(logged.map(({ requestId }) => requestId));
      for (const { id, at, requestId } of logged) {
        if (known.has(requestId)) continue;
        const subject = `events of ${at.epoch}, partition ${at.partition}`;
        yield {
          check: 'numbers',
          difference: {
            subject,
            what: `number ${at.number}`,
            expected: 'one request',
            found: `the dead letter ${id} too`,
          },
        };
      }
    }
  }
}
