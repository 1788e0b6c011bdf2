import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { QUESTIONS } from './questions.ts';
import type { Report } from './report.ts';

test(
  'scripts/bench rollups has its loader approved by reconcile, then measures each question and the projection',
  { timeout: 240_000 },
  async () => {
    const args = [join(import.meta.dirname, 'main.ts'), '--quick', '--entries', '3650', '--json'];
    const { promise, resolve } = Promise.withResolvers<string>();
    // it ends with 1 where the machine was too busy for the aim: that alone is no fault of the benchmark
    execFile(process.execPath, args, (_, stdout) => {
      resolve(stdout);
    });
    const stdout = await promise;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is checked below
    const { approval, projection, loaded, questions } = JSON.parse(stdout) as Report;

    expect(approval).toMatchObject({ requests: 1_825, differences: [] });
    expect(approval.checks.map(({ check, differences }) => [check, differences])).toEqual(
      ['balances', 'revenue', 'entries', 'costs', 'numbers', 'rollups', 'dead-letters'].map((check) => [check, 0]),
    );
    expect(loaded.requests).toBe(3_650);
    expect(questions.map(({ name }) => name)).toEqual(QUESTIONS.map(({ name }) => name));
    for (const { rows, medianMs, p95Ms } of questions) {
      expect(rows).toBeGreaterThan(0);
      expect(medianMs).toBeGreaterThan(0);
      expect(p95Ms).toBeGreaterThanOrEqual(medianMs);
    }
    expect(projection.map(({ logs }) => logs)).toEqual([1_000, 1_000, 1_000]);
    for (const { perSecond } of projection) expect(perSecond).toBeGreaterThan(0);
  },
);
