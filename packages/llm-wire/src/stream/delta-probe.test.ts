import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeltaProbe } from './delta-probe.ts';
import { OPENAI_PROBE_KEYS } from './openai-observer.ts';

function walk(probe: DeltaProbe, event: string): unknown {
  // Other events around it must not matter.
  const before = '"}';
  const bytes = Buffer.from(`${before}${event}"usage":{`);
  probe.walk(bytes, before.length, before.length + Buffer.byteLength(event));
  const { contentBytes, notable, balanced } = probe;
  return { contentBytes, notable, balanced };
}

const word = fc.string({ unit: fc.constantFrom('a', '"', '\\', '{', '}', ':', ' ', 'é'), maxLength: 6 });
const delta = fc.oneof(
  word.map((content) => ({ content })),
  word.map((content) => ({ role: 'assistant', content })),
  fc.tuple(word, word).map(([content, reasoning]) => ({ reasoning, content })),
  word.map((text) => ({ tool_calls: [{ index: 0, function: { arguments: text } }] })),
  fc.constant({}),
);
const event = fc.record({
  head: fc.constantFrom({ id: '1' }, { id: '12' }, { id: '1', usage: null }, { id: '1', error: { a: 1 } }),
  delta,
  finish: fc.constantFrom(null, null, 'stop'),
  tail: fc.oneof(
    fc.constantFrom({}, { usage: null }, { usage: { prompt_tokens: 1 } }, { usage: null, p: null }),
    word.map((obfuscation) => ({ usage: null, obfuscation })),
    word.map((obfuscation) => ({ obfuscation, usage: { a: 'b' } })),
  ),
  spaced: fc.boolean(),
  cut: fc.constantFrom(0, 0, 0, 1, 5),
});

test('what it remembers of earlier events changes nothing that it finds in later ones', () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 2, maxLength: 8 }), (events) => {
      const remembering = new DeltaProbe(OPENAI_PROBE_KEYS);
      for (const { head, delta: inner, finish, tail, spaced, cut } of events) {
        const json = JSON.stringify({ ...head, choices: [{ index: 0, delta: inner, finish_reason: finish }], ...tail });
        const whole = spaced ? json.replaceAll('":', '": ') : json;
        const text = whole.slice(0, whole.length - cut);
        expect(walk(remembering, text)).toEqual(walk(new DeltaProbe(OPENAI_PROBE_KEYS), text));
      }
    }),
    { numRuns: 2000 },
  );
});

test('brackets and quotes that do not close are seen', () => {
  const found = (text: string): unknown => walk(new DeltaProbe(OPENAI_PROBE_KEYS), text);
  expect(found('{"a":["]"]}')).toMatchObject({ balanced: true });
  for (const text of ['{"a":1', '{"a', '{"a":"\\"}', '["a"]', 'x', '{}}'])
    expect(found(text)).toMatchObject({ balanced: false });
});

test('counts all content of events that have more than one', () => {
  const probe = new DeltaProbe(OPENAI_PROBE_KEYS);
  const text = JSON.stringify({ choices: [{ delta: { reasoning: 'r'.repeat(40), content: 'c' } }] });
  for (let i = 0; i < 3; i++) expect(walk(probe, text)).toMatchObject({ contentBytes: 41 });
});
