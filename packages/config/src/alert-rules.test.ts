import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const Rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});
const rules = Rules.parse(parse(read('deploy/alerts/omg.yml'))).groups.flatMap((group) => group.rules);

test('each alert is about metrics that a service has, and the guide says what to do', () => {
  const sources = globSync('{services,packages}/*/src/**/*.ts', {
    cwd: root,
    exclude: (path) => path.endsWith('.test.ts'),
  });
  const metrics = new Set(
    sources.flatMap((path) => [...read(path).matchAll(/'(omg_[a-z_]+)'/g)].map(([, name]) => name)),
  );
  for (const { alert, expr } of rules) {
    const named = [...expr.matchAll(/\bomg_[a-z_]+/g)].map(([name]) => name.replace(/_total$/, ''));
    expect.soft([...metrics], alert).toEqual(expect.arrayContaining(named));
  }
  const told = [...read('docs/guides/alerts.md').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(new Set(told)).toEqual(new Set(rules.map(({ alert }) => alert)));
});
