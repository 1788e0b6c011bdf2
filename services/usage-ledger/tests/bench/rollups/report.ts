import { asCount, textTable } from '@omg/bench';
import type { Approval } from './approve-loader.ts';
import type { LoadedYear } from './load-year.ts';
import type { ProjectionSpeed } from './measure-projection.ts';
import type { AskedQuestion } from './ask-questions.ts';

export const TARGET_MS = 50;

export interface Report {
  readonly machine: string;
  readonly approval: Approval;
  readonly projection: readonly ProjectionSpeed[];
  readonly loaded: LoadedYear;
  readonly questions: readonly AskedQuestion[];
}

/** For people. */
export function textOf({ machine, approval, projection, loaded, questions }: Report): string {
  const { requests, documents, dataMb, diskMb, seconds } = loaded;
  const above = questions.filter(({ isWithin }) => !isWithin).length;
  return [
    machine,
    '',
    `The loader is approved: ${asCount(approval.requests)} charged requests, and what reconcile checked of them:`,
    textTable(
      ['', 'checked', 'differences', 's'],
      approval.checks.map(({ check, checked, differences, tookMs }) => [
        check,
        asCount(checked),
        asCount(differences),
        (tookMs / 1_000).toFixed(1),
      ]),
      new Set(['']),
    ),
    '',
    textTable(
      ['projection of', 'logs', 'rows', 'logs/s'],
      projection.map(({ name, logs, rows, perSecond }) => [name, asCount(logs), asCount(rows), asCount(perSecond)]),
      new Set(['projection of']),
    ),
    '',
    `${asCount(requests)} requests, ${asCount(documents)} documents, ${asCount(dataMb)} MB (${asCount(diskMb)} MB on disk), loaded in ${seconds} s`,
    textTable(
      ['question', 'rows', 'median ms', 'p95 ms', 'least ms', 'CPU ms', 'mongod CPU ms', ''],
      questions.map(({ name, rows, medianMs, p95Ms, leastMs, cpuMs, mongodCpuMs, isWithin }) => [
        name,
        asCount(rows),
        medianMs.toFixed(1),
        p95Ms.toFixed(1),
        leastMs.toFixed(1),
        cpuMs.toFixed(1),
        mongodCpuMs?.toFixed(1) ?? '-',
        isWithin ? '' : `above ${TARGET_MS} ms`,
      ]),
      new Set(['question', '']),
    ),
    '',
    above === 0
      ? `All answers come in less than ${TARGET_MS} ms, by the median.`
      : `${above} of ${questions.length} answers take ${TARGET_MS} ms or more, by the median.`,
    '',
  ].join('\n');
}
