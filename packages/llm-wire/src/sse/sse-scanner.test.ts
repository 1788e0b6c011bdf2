import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SseScanner } from './sse-scanner.ts';

interface Seen {
  readonly name: string;
  readonly data: string;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly oversized: boolean;
  readonly terminated: boolean;
}

function scan(chunks: readonly Uint8Array[], maxEventBytes = 1 << 20): { events: Seen[]; boundaries: boolean[] } {
  const events: Seen[] = [];
  const boundaries: boolean[] = [];
  const scanner = new SseScanner(
    {
      onEvent({ bytes, nameStart, nameEnd, dataStart, dataEnd, startOffset, endOffset, oversized, terminated }) {
        const name = bytes.toString('utf8', nameStart, nameEnd);
        const data = bytes.toString('utf8', dataStart, dataEnd);
        events.push({ name, data, startOffset, endOffset, oversized, terminated });
      },
    },
    { maxEventBytes },
  );
  for (const chunk of chunks) {
    scanner.push(chunk);
    boundaries.push(scanner.atBoundary);
  }
  scanner.end();
  return { events, boundaries };
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].toSorted((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const pairs = (text: string): string[][] => scan([Buffer.from(text)]).events.map(({ name, data }) => [name, data]);

test('reads LF, CRLF and CR line ends', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = ['event: a', 'data: 1', '', 'data: 2', '', ''].join(end);
    expect(pairs(text)).toEqual([
      ['a', '1'],
      ['', '2'],
    ]);
  }
});

test.each([
  ['a leading BOM', '\uFEFFdata: 1\n\n', [['', '1']]],
  ['a missing space after the colon', 'data:1\nevent:x\n\n', [['x', '1']]],
  ['only one space taken off', 'data:  1\n\n', [['', ' 1']]],
  ['several data lines', 'data: 1\ndata:2\nevent: e\ndata\n\n', [['e', '1\n2\n']]],
  ['comments and unknown fields', ': hi\n\nid: 7\nretry: 1\ndata: 1\ndatax: 2\n\n', [['', '1']]],
  ['a name without data', 'event: a\n\n', [['a', '']]],
  ['empty blocks', '\n\n\r\n\n', []],
])('reads %s', (_, text, expected) => {
  expect(pairs(text)).toEqual(expected);
});

test('hands over what is left at the end as not terminated', () => {
  const { events } = scan([Buffer.from('data: 1\n\ndata: 2')]);
  expect(events.map(({ data, terminated, endOffset }) => [data, terminated, endOffset])).toEqual([
    ['1', true, 9],
    ['2', false, 16],
  ]);
});

test('says whether the stream stands at an event boundary', () => {
  const chunks = ['data: 1\n', '\n', 'da', 'ta: 2\n\n', ': c\n', '\n'].map((text) => Buffer.from(text));
  expect(scan(chunks).boundaries).toEqual([false, true, false, true, false, true]);
});

test('reports an event over the bound as oversized, and reads those around it', () => {
  const text = `data: 1\n\ndata: ${'x'.repeat(100)}\n\ndata: 3\n\n`;
  for (const chunks of [[Buffer.from(text)], [...Buffer.from(text)].map((byte) => Uint8Array.of(byte))]) {
    const { events } = scan(chunks, 50);
    expect(events.map(({ data, oversized }) => [data, oversized])).toEqual([
      ['1', false],
      ['', true],
      ['3', false],
    ]);
    expect(events[1]).toMatchObject({ startOffset: 9, endOffset: 117 });
  }
});

const line = fc.oneof(
  fc.constantFrom('data: {"a":1}', 'data:x', 'data', 'event: e', 'event:', ': c', 'id: 1', '\uFEFFdata: b', ''),
  fc.string({ unit: fc.constantFrom('d', 'a', 't', ':', ' ', 'é', '€'), maxLength: 8 }),
);
const anyText = (...lineEnds: string[]): fc.Arbitrary<string> =>
  fc.array(fc.tuple(line, fc.constantFrom(...lineEnds)), { maxLength: 24 }).map((lines) => lines.flat().join(''));
const cuts = fc.array(fc.nat(), { maxLength: 30 });

test('finds the same events at the same places however the stream is split', () => {
  fc.assert(
    fc.property(fc.oneof(anyText('\n'), anyText('\r')), cuts, fc.constantFrom(12, 40, 1 << 20), (stream, at, max) => {
      const bytes = Buffer.from(stream);
      expect(scan(split(bytes, at), max).events).toEqual(scan([bytes], max).events);
    }),
    { numRuns: 500 },
  );
});

const content = (events: readonly Seen[]): unknown => events.map(({ name, data }) => [name, data]);

test('finds the same events where CRLF is split, whose LF then follows the event', () => {
  fc.assert(
    fc.property(anyText('\n', '\r\n', '\r'), cuts, (stream, at) => {
      const bytes = Buffer.from(stream);
      expect(content(scan(split(bytes, at)).events)).toEqual(content(scan([bytes]).events));
    }),
    { numRuns: 500 },
  );
});
