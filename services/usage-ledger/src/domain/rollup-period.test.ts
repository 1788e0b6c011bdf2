import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QUARTER_MS, UNITS, piecesFrom, piecesOf, type Piece } from './rollup-period.ts';

const quarter = fc.integer({ min: 0, max: 500 * 96 }).map((n) => Date.UTC(2026, 0, 1) + n * QUARTER_MS);

const range = fc
  .tuple(quarter, quarter)
  .filter(([a, b]) => a !== b)
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

function spanOf({ unit, startMs, cells }: Piece): readonly [number, number] {
  const { cellStart, cellCount } = UNITS[unit];
  const { from, to } = cells ?? { from: 0, to: cellCount(startMs) };
  return [cellStart(startMs, from), cellStart(startMs, to)];
}

/** In the order of time. */
function spansOf(pieces: readonly Piece[]): readonly (readonly [number, number])[] {
  return pieces.map(spanOf).toSorted(([x], [y]) => x - y);
}

test('the pieces cover a range without gap or overlap, and are few', () => {
  fc.assert(
    fc.property(range, ([from, to]) => {
      const pieces = piecesOf(from, to);
      const spans = spansOf(pieces);
      let reached = from;
      for (const [start, end] of spans) {
        expect(start).toBe(reached);
        expect(end).toBeGreaterThan(start);
        reached = end;
      }
      expect(reached).toBe(to);
      for (const { unit, startMs } of pieces) expect(UNITS[unit].startOf(startMs)).toBe(startMs);
      expect(pieces.filter(({ cells }) => cells !== undefined).length).toBeLessThanOrEqual(6);
    }),
    { numRuns: 2_000 },
  );
});

test('the pieces of a range behind which nothing is begin with it, reach its end at least, and are as few or fewer', () => {
  fc.assert(
    fc.property(range, ([from, to]) => {
      const pieces = piecesFrom(from, to);
      const spans = spansOf(pieces);
      expect(spans[0]?.[0]).toBe(from);
      expect(spans.every(([start], index) => index === 0 || start === spans[index - 1]?.[1])).toBe(true);
      expect(spans.at(-1)?.[1]).toBeGreaterThanOrEqual(to);
      expect(pieces.length).toBeLessThanOrEqual(piecesOf(from, to).length);
      expect(pieces.filter(({ cells }) => cells !== undefined).length).toBeLessThanOrEqual(3);
    }),
    { numRuns: 2_000 },
  );
});

test('a cell has the times from its beginning to that of the next one', () => {
  fc.assert(
    fc.property(fc.constantFrom('year' as const, 'month' as const, 'day' as const), quarter, (unit, timeMs) => {
      const { startOf, cellOf, cellStart, cellCount } = UNITS[unit];
      const [startMs, cell] = [startOf(timeMs), cellOf(timeMs)];
      expect(cell).toBeLessThan(cellCount(startMs));
      expect(cellStart(startMs, cell)).toBeLessThanOrEqual(timeMs);
      expect(cellStart(startMs, cell + 1)).toBeGreaterThan(timeMs);
    }),
  );
});
