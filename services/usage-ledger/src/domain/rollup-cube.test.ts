import { expect, test } from 'vitest';
import { CUBES, cubeOf, type Dimension } from './rollup-cube.ts';

test.each<[readonly Dimension[], string]>([
  [[], 'all'],
  [['model'], 'model'],
  [['clientKeyId'], 'key'],
  [['tenantId', 'tenantId', 'clientKeyId'], 'key'],
  [['upstreamKeyId'], 'upstream-key'],
])('%j is answered from the cube %s', (dimensions, name) => {
  expect(cubeOf(dimensions).name).toBe(name);
});

test('what is kept nowhere together is refused, with what there is', () => {
  expect(() => cubeOf(['tenantId', 'upstreamKeyId'])).toThrow('nothing is kept by tenantId and upstreamKeyId together');
});

test('no two cubes have the same dimensions or name', () => {
  expect(new Set(CUBES.map(({ dimensions }) => dimensions.toSorted().join())).size).toBe(CUBES.length);
  expect(new Set(CUBES.map(({ name }) => name)).size).toBe(CUBES.length);
});
