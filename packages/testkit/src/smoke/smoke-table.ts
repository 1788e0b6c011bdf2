import type { Smoked } from './run-smoke.ts';

type Row = readonly string[];

const TITLES: Row = ['MODEL', 'DIALECT', 'STREAM', 'STATUS', 'MS', 'INPUT', 'OUTPUT', 'USAGE', 'USD', 'PROBLEM'];
const RIGHT = new Set(['STATUS', 'MS', 'INPUT', 'OUTPUT', 'USD']);

/** Empty: the request was answered whole, and is in the books as such. */
export function problemOf({ answer, booked }: Smoked): string {
  if (answer.problem !== '') return answer.problem;
  if (booked === undefined) return 'not in the books';
  return booked.success ? '' : 'in the books as a failure';
}

export function renderTable(smoked: readonly Smoked[]): string {
  const rows = [TITLES, ...smoked.map(toRow)];
  const widths = TITLES.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          RIGHT.has(TITLES[column] ?? '') ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function toRow(smoked: Smoked): Row {
  const { answer, booked } = smoked;
  return [
    answer.model,
    answer.dialect,
    answer.stream ? 'yes' : 'no',
    String(answer.status),
    String(answer.ms),
    String(booked?.inputTokens ?? '-'),
    String(booked?.outputTokens ?? '-'),
    booked?.usageSource ?? '-',
    booked?.costUsd ?? '-',
    problemOf(smoked),
  ];
}

export function renderJson(smoked: readonly Smoked[]): string {
  return smoked
    .map((one) => `${JSON.stringify({ ...one.answer, problem: problemOf(one), booked: one.booked ?? null })}\n`)
    .join('');
}
