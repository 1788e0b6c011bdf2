import type { Mark, Run } from '../mark.ts';
import { serviceOfAccount } from '../service-account.ts';
import type { AuditedLog } from './audited-log.ts';
import type { Difference } from './finding.ts';
import { timeOfId } from './horizon.ts';
import { NumberRuns, countOf, describeRuns } from './number-runs.ts';

/** Where events are numbered, from 1 on: one run of a router, one partition. */
export interface Numbered {
  readonly epoch: string;
  readonly partition: number;
}

export interface StoredMark extends Numbered, Mark {}

interface Series extends Numbered {
  readonly logs: NumberRuns;
  readonly letters: NumberRuns;
  /** From that number on no log is forgotten. */
  keptFrom: bigint | undefined;
  /** A service that has no journal: nobody waits for its numbers, and what it could not send has one as well. */
  isService: boolean;
}

export interface NumberFindings {
  readonly differences: readonly Difference[];
  readonly checked: number;
  readonly unknowable: number;
}

/** Whether every number of every publisher is in the books once. */
export class NumberAudit {
  readonly #series = new Map<string, Series>();
  readonly #chargedSinceMs: number;

  constructor(chargedSinceMs: number) {
    this.#chargedSinceMs = chargedSinceMs;
  }

  /** Something of a number that is in the books already. */
  addLog(log: AuditedLog): Difference | undefined {
    const series = this.#of(log);
    series.isService ||= serviceOfAccount(log.tenantId) !== undefined;
    const isKept = log.chargedAt.getTime() >= this.#chargedSinceMs;
    if (isKept && (series.keptFrom === undefined || log.number < series.keptFrom)) series.keptFrom = log.number;
    if (series.logs.add(log.number) || series.isService) return undefined;
    return {
      subject: nameOf(log),
      what: `number ${log.number}`,
      expected: 'one request',
      found: `another one, ${log.requestId}`,
    };
  }

  addLetter(letter: Numbered & { readonly number: bigint }): void {
    this.#of(letter).letters.add(letter.number);
  }

  /** Whether a log has the number. */
  isLogged(at: Numbered & { readonly number: bigint }): boolean {
    return this.#of(at).logs.has(at.number);
  }

  /**
   * Marks as they were before any log was read: what they have is to be found. Numbers that stand alone are left out: it may
   * be that those before them are on their way.
   */
  holes(mark: StoredMark): NumberFindings {
    const series = this.#of(mark);
    if (series.isService) return { differences: [], checked: 0, unknowable: 0 };
    const from = this.#firstKept(series);
    const last = mark.upTo;
    if (from === undefined || from > last) return { differences: [], checked: 0, unknowable: Number(last) };
    const found = new NumberRuns([...series.logs.runs, ...series.letters.runs]);
    const holes = found.holes({ first: from, last });
    return {
      differences: differences(mark, 'in logs or dead letters', holes),
      checked: Number(last - from) + 1,
      unknowable: Number(from) - 1,
    };
  }

  /** Marks as they are after all logs were read: they have what was found. */
  unmarked(marks: Iterable<StoredMark>): readonly Difference[] {
    const byName = new Map(Array.from(marks, (mark) => [nameOf(mark), mark]));
    return [...this.#series.values()].flatMap((series) => {
      const mark = byName.get(nameOf(series));
      const marked = new NumberRuns([...(mark?.ahead ?? []), { first: 1n, last: mark?.upTo ?? 0n }]);
      return differences(
        series,
        'in event_marks',
        series.logs.runs.flatMap((run) => marked.holes(run)),
      );
    });
  }

  /** What stands before numbers that are in the books, and is not itself. */
  gaps(mark: StoredMark): readonly Difference[] {
    const last = mark.ahead.at(-1)?.last ?? 0n;
    if (this.#of(mark).isService || last <= mark.upTo) return [];
    return differences(mark, 'in event_marks', new NumberRuns(mark.ahead).holes({ first: mark.upTo + 1n, last }));
  }

  #of({ epoch, partition }: Numbered): Series {
    return this.#series.getOrInsertComputed(nameOf({ epoch, partition }), () => ({
      epoch,
      partition,
      logs: new NumberRuns(),
      letters: new NumberRuns(),
      keptFrom: undefined,
      isService: false,
    }));
  }

  #firstKept({ epoch, keptFrom }: Series): bigint | undefined {
    const beganMs = timeOfId(epoch);
    return beganMs !== undefined && beganMs >= this.#chargedSinceMs ? 1n : keptFrom;
  }
}

function differences(at: Numbered, where: string, missing: readonly Run[]): readonly Difference[] {
  if (missing.length === 0) return [];
  const expected = `${countOf(missing)} ${where}`;
  return [{ subject: nameOf(at), what: `numbers ${describeRuns(missing)}`, expected, found: 'not there' }];
}

function nameOf({ epoch, partition }: Numbered): string {
  return `events of ${epoch}, partition ${partition}`;
}
