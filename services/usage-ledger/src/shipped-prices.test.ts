import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Price } from '@omg/pricing';
import { decimalUsd, parseNano } from '@omg/pricing';
import { readStatedPrices } from './stated-prices.ts';

const pathOf = (name: string): string => fileURLToPath(new URL(`../../../deploy/config/${name}.json`, import.meta.url));

/** USD per million tokens: input, output, cache write of 5 minutes, of 1 hour, cache read. */
const LIST = {
  'claude-opus-4-5-20251101': ['5', '25', '6.25', '10', '0.5'],
  'claude-sonnet-4-5-20250929': ['3', '15', '3.75', '6', '0.3'],
  'claude-haiku-4-5-20251001': ['1', '5', '1.25', '2', '0.1'],
  // it has no price for writing: what is written is input
  'gemini-3-pro-preview': ['2', '12', '2', '2', '0.2'],
} as const;
const LONG_GEMINI = ['4', '18', '4', '4', '0.4'] as const;

const ratesOf = (texts: readonly string[]): Price['rates'] => {
  const [input = 0n, output = 0n, cacheWrite5m = 0n, cacheWrite1h = 0n, cacheRead = 0n] = texts.map(parseNano);
  return { input, output, cacheWrite5m, cacheWrite1h, cacheRead };
};

describe.each([
  ['ohmygpt.dev', ['1.0', '1.0', '1.0']],
  ['ohmygpt.prod', ['1.10', '1.05', '1.04']],
  ['openhands.dev', ['1.0', '1.0', '1.0', '1.0']],
  ['openhands.prod', ['1.08', '1.07', '1.06', '1.08']],
])('%s', (name, multipliers) => {
  test('states the list prices, the multipliers and no other model', () => {
    const stated = new Map(readStatedPrices(pathOf(name)).map(({ model, price }) => [model, price]));
    const models = Object.entries(LIST).slice(0, multipliers.length);
    expect([...stated.keys()].toSorted()).toEqual(models.map(([model]) => model).toSorted());
    for (const [index, [model, list]] of models.entries()) {
      expect({ model, price: stated.get(model) }).toEqual({
        model,
        price: {
          rates: ratesOf(list),
          tiers: model.startsWith('gemini') ? [{ aboveInputTokens: 200_000n, ...ratesOf(LONG_GEMINI) }] : [],
          multiplierNano: parseNano(multipliers[index] ?? ''),
        },
      });
    }
  });
});

test.each(['openhands.prod', 'ohmygpt.prod'])('the guide says what %s charges', (name) => {
  const guide = readFileSync(new URL('../../../docs/guides/models-and-prices.md', import.meta.url), 'utf8');
  const rows = guide.split('\n').map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  for (const { site, model, price } of readStatedPrices(pathOf(name))) {
    if (price === undefined) throw new Error(`${model} has no price`);
    const { multiplierNano, rates } = price;
    const charged = (rate: bigint): string => decimalUsd((rate * multiplierNano) / 1_000_000_000n);
    const { input, output, cacheWrite5m, cacheWrite1h, cacheRead } = rates;
    const row = rows.find((cells) => cells[1] === site && cells[2] === model);
    expect(row?.slice(4, 9)).toEqual([input, output, cacheWrite5m, cacheWrite1h, cacheRead].map(charged));
    expect(parseNano(row?.[3] ?? '')).toBe(multiplierNano);
  }
});
