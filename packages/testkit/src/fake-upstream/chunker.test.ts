import { describe, expect, test } from 'vitest';

import { Chunker, NO_CREDIT } from './chunker.ts';
import type { Credit, Write } from './chunker.ts';
import type { Scenario } from './scenario.ts';

const EVENTS = ['data: one\n\n', 'data: zwölf\n\n', '', 'data: [DONE]\n\n'].map((text) => Buffer.from(text));

function split(shape: Scenario['chunks']): Write[] {
  const chunker = new Chunker(shape);
  const writes = EVENTS.flatMap((bytes, index) => chunker.push(bytes, credit(10 ** index)));
  const rest = chunker.flush();
  return rest === null ? writes : [...writes, rest];
}

function credit(output: number): Credit {
  return { ...NO_CREDIT, output };
}

function sizes(writes: readonly Write[]): number[] {
  return writes.map((write) => write.bytes.length);
}

const SHAPES: Array<Scenario['chunks']> = [
  'event',
  'one',
  { bytes: 1 },
  { bytes: 7 },
  { bytes: 1000 },
  { randomSeed: 3, maxBytes: 9 },
];

describe('Chunker', () => {
  test.for(SHAPES)('neither loses nor alters a byte nor a token: %j', (shape) => {
    const writes = split(shape);
    expect(Buffer.concat(writes.map((write) => write.bytes))).toEqual(Buffer.concat(EVENTS));
    expect(writes.reduce((sum, write) => sum + write.credit.output, 0)).toBe(1111);
  });

  test('writes one event each, everything at once, or pieces of the wanted size', () => {
    expect(sizes(split('event'))).toEqual(EVENTS.map((event) => event.length));
    expect(split('one')).toHaveLength(1);
    expect(new Set(sizes(split({ bytes: 1 })))).toEqual(new Set([1]));
    expect(sizes(split({ bytes: 7 })).slice(0, -1)).toSatisfy((all: number[]) => all.every((size) => size === 7));
  });

  test('repeats random splits with the same seed, and crosses events with them', () => {
    expect(sizes(split({ randomSeed: 5, maxBytes: 20 }))).toEqual(sizes(split({ randomSeed: 5, maxBytes: 20 })));
    expect(sizes(split({ randomSeed: 5, maxBytes: 20 }))).not.toEqual(sizes(split({ randomSeed: 6, maxBytes: 20 })));
  });

  test('credits a part only with the write that carries its last byte', () => {
    const chunker = new Chunker({ bytes: 4 });
    expect(chunker.push(Buffer.from('abc'), credit(1))).toEqual([]);
    const [first, second] = chunker.push(Buffer.from('defgh'), credit(10));
    expect([first?.bytes.toString(), first?.credit.output]).toEqual(['abcd', 1]);
    expect([second?.bytes.toString(), second?.credit.output]).toEqual(['efgh', 10]);
    expect(chunker.flush()).toBeNull();
  });
});
