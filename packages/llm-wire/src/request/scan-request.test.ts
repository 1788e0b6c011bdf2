import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RequestFault, RequestScan } from './scan-request.ts';
import { scanRequest } from './scan-request.ts';

function scan(text: string): RequestScan {
  const result = scanRequest(Buffer.from(text));
  if (!result.ok) throw new Error(`refused: ${result.fault.reason} at ${result.fault.offset}`);
  return result.scan;
}

function fault(text: string): RequestFault {
  const result = scanRequest(Buffer.from(text));
  if (result.ok) throw new Error('accepted');
  return result.fault;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const slice = (text: string, range: { start: number; end: number } | undefined): string | undefined =>
  range === undefined ? undefined : Buffer.from(text).subarray(range.start, range.end).toString();

test('finds what a gateway has to know', () => {
  const messages =
    '[ {"role":"system","content":"Säy"}, {"content":[{"type":"text","text":"hi"}],"role":"user"}, {"role":"assistant","content":"x"}]';
  const text = `{"model": "gpt-\\u0035", "messages": ${messages}, "stream":true,"n":2, "max_tokens":null,
    "stream_options": {"include_obfuscation":false,"include_usage":false}, "max_completion_tokens": 1e3, "user":"u",
    "prompt_cache_key":"k\\"1", "metadata":{"a":[1],"user_id":"{\\"s\\":1}"}, "tools":[{}], "system":[{"type":"text"}]}\n`;
  const found = scan(text);
  expect(found).toMatchObject({
    model: 'gpt-5',
    stream: true,
    choices: 2,
    maxTokens: undefined,
    maxCompletionTokens: 1000,
    promptCacheKey: 'k"1',
    user: 'u',
    metadataUserId: '{"s":1}',
    hasTools: true,
    duplicates: [],
  });
  expect(found.modelRanges.map((range) => slice(text, range))).toEqual(['"gpt-\\u0035"']);
  expect(slice(text, found.streamOptions?.range)).toBe('{"include_obfuscation":false,"include_usage":false}');
  expect(slice(text, found.streamOptions?.includeUsageRange)).toBe('false');
  expect(slice(text, found.system)).toBe('[{"type":"text"}]');
  expect(slice(text, found.conversationHead)).toBe(
    '{"role":"system","content":"Säy"}, {"content":[{"type":"text","text":"hi"}],"role":"user"}',
  );
  expect(
    Buffer.from(text)
      .subarray(found.endOffset - 1)
      .toString(),
  ).toBe(']}\n');
});

test('the last of several members of a name counts, as with JSON.parse, and the name is reported', () => {
  const text = '{"model":"a","stream":true,"mod\\u0065l":"b","x":1,"x":2,"stream":false}';
  expect(scan(text)).toMatchObject({ model: 'b', stream: false, duplicates: ['model', 'stream'] });
  expect(scan(text).modelRanges.map((range) => slice(text, range))).toEqual(['"a"', '"b"']);
});

test('names inside of other values are not mistaken for the request’s', () => {
  expect(scan('{"a":{"model":"x"},"b":["model"],"model ":"y","c":"\\"model\\":\\"z\\""}').model).toBeUndefined();
});

test.each([
  ['', 'unexpected_end', 0],
  ['  [1]', 'not_an_object', 2],
  ['"x"', 'not_an_object', 0],
  ['\uFEFF{}', 'not_an_object', 0],
  ['{"a":1', 'unexpected_end', 6],
  ['{"a":1,}', 'unexpected_byte', 7],
  ['{"a" 1}', 'unexpected_byte', 5],
  ['{"a":[1,]}', 'unexpected_byte', 8],
  ['{"a":[1}}', 'unexpected_byte', 7],
  ['{"a":nul}', 'unexpected_byte', 8],
  ['{"a":"\\x"}', 'bad_string', 6],
  ['{"a":"\t"}', 'bad_string', 6],
  ['{"a":01}', 'unexpected_byte', 6],
  ['{"a":1.}', 'bad_number', 7],
  ['{"a":-}', 'bad_number', 6],
  ['{} x', 'trailing_bytes', 3],
])('refuses %j, naming the reason and the place', (text, reason, offset) => {
  expect(fault(text)).toEqual({ reason, offset, member: undefined });
});

test.each([
  ['{"model":5}', 'model', 9],
  ['{"model":null}', 'model', 9],
  ['{"stream":"true"}', 'stream', 10],
  ['{"max_tokens":-1}', 'max_tokens', 14],
  ['{"max_tokens":1.5}', 'max_tokens', 14],
  ['{"n":[1]}', 'n', 5],
  ['{"stream_options":[]}', 'stream_options', 18],
  ['{"stream_options":{"include_usage":1}}', 'stream_options.include_usage', 35],
])('refuses %s, naming the member of the wrong type', (text, member, offset) => {
  expect(fault(text)).toEqual({ reason: 'wrong_type', offset, member });
});

const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;

test('nesting is bounded', () => {
  expect(scan(nested(511)).endOffset).toBe(1027);
  expect(fault(nested(512)).reason).toBe('too_deep');
  expect(fault(`{"a":${'[{"b":'.repeat(100_000)}`).reason).toBe('too_deep');
});

const known = fc.constantFrom(
  'model',
  'stream',
  'stream_options',
  'max_tokens',
  'n',
  'messages',
  'metadata',
  'tools',
  'user',
);
const request = fc.dictionary(
  fc.oneof(known, fc.string({ unit: 'binary' })),
  fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.boolean(),
    fc.nat(9),
    fc.string(),
    fc.record({ include_usage: fc.boolean() }),
  ),
);
const written = fc
  .tuple(request, fc.constantFrom(0, 1, '\t'))
  .map(([value, indent]) => JSON.stringify(value, undefined, indent));

test('accepts every object that JSON.stringify writes, but for members of the wrong type', () => {
  fc.assert(
    fc.property(written, (text) => {
      const result = scanRequest(Buffer.from(text));
      if (!result.ok) expect(result.fault.reason).toBe('wrong_type');
    }),
    { numRuns: 1000 },
  );
});

test('what it accepts is an object to JSON.parse, with the same values; whatever was done to the text', () => {
  const change = fc.record({
    at: fc.nat(),
    remove: fc.nat(3),
    insert: fc.constantFrom(
      '',
      '"',
      '\\',
      '\\u00',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      '-',
      '.',
      'e',
      'null',
      ' ',
      '\u0000',
      'é',
      '\ud83d\ude00',
    ),
  });
  let accepted = 0;
  fc.assert(
    fc.property(written, fc.array(change, { maxLength: 3 }), (original, changes) => {
      let text = original;
      for (const { at, remove, insert } of changes) {
        const place = at % (text.length + 1);
        text = text.slice(0, place) + insert + text.slice(place + remove);
      }
      // As the wire has it: what is no UTF-8 is replaced.
      const bytes = Buffer.from(text);
      const value = parse(bytes.toString());
      const result = scanRequest(bytes);
      if (!result.ok) {
        if (result.fault.reason !== 'wrong_type')
          expect(typeof value === 'object' && value !== null && !Array.isArray(value)).toBe(false);
        return;
      }
      accepted++;
      expect(value).toBeTypeOf('object');
      const { model, stream, maxTokens, choices, user } = result.scan;
      const of = (name: string): unknown => Object.getOwnPropertyDescriptor(value, name)?.value;
      expect(model).toBe(of('model'));
      expect(stream).toBe(of('stream') ?? false);
      expect(maxTokens ?? null).toBe(of('max_tokens') ?? null);
      expect(choices).toBe(of('n') ?? 1);
      if (typeof of('user') === 'string') expect(user).toBe(of('user'));
    }),
    { numRuns: 3000 },
  );
  expect(accepted).toBeGreaterThan(300);
});

test('strings of every length and content are walked over like JSON.parse does', () => {
  const piece = fc.constantFrom(
    '"',
    '\\"',
    '\\\\',
    '\\n',
    '\\u12aF',
    '\\u12',
    '\\',
    'a',
    '\u001f',
    ' ',
    'é',
    '\u007f',
    '€',
    '!',
    '#',
    '[',
    ']',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const text = `{"a":"${pieces.join('')}"}`;
      expect(scanRequest(Buffer.from(text)).ok).toBe(parse(text) !== undefined);
    }),
    { numRuns: 3000 },
  );
});

test('bytes that are no UTF-8 pass inside of strings, and nowhere else', () => {
  expect(scanRequest(Buffer.from('{"a":"\xff\xfe"}', 'latin1')).ok).toBe(true);
  expect(scanRequest(Buffer.from('{"a":\xff}', 'latin1')).ok).toBe(false);
});

test.each([
  '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png"}}]}]}',
  '{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}',
  '{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://a/b.pdf"}}]}]}',
  '{"tools":[{"type":"web_search_20250305","name":"search"}]}',
  '{"tools":[{"type":"web_fetch_20250910"}]}',
  '{"tools":[{"type":"code_execution_20250825"}]}',
  '{"container":"c"}',
  '{"mcp_servers":[]}',
  '{"tools":[{"type":"w\\u0065b_search"}]}',
  '{"a":[{"\\u0069\\u006d\\u0061\\u0067\\u0065\\u005f\\u0075\\u0072\\u006c":1}]}',
])('a request that has more read than it sends is known as such: %s', (text) => {
  expect(scan(text).reachesOut).toBe(true);
});

test('a request that only talks of such things is none', () => {
  const content = 'the "url" of an "image_url", a "web_search", \\url\\ and web_search_20250305 itself';
  expect(scan(JSON.stringify({ messages: [{ role: 'user', content }], urls: ['image_urls'] })).reachesOut).toBe(false);
});

const WORDS = ['image_url', 'file_id', 'url', 'container', 'mcp_servers', 'web_search', 'web_fetch', 'code_execution'];

function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [
    ...(Array.isArray(value) ? [] : [name]),
    ...stringsIn(member),
  ]);
}

test('such words are found wherever they are a string of their own, however they are escaped, and nowhere else', () => {
  const word = fc
    .tuple(fc.constantFrom(...WORDS, 'text'), fc.constantFrom('', '', '_20250305', 's'))
    .map((p) => p.join(''));
  const json = fc.object({ key: fc.oneof(word, fc.string()), values: [fc.oneof(word, fc.string()), fc.nat()] });
  fc.assert(
    fc.property(json, fc.boolean(), (object, escaped) => {
      const plain = JSON.stringify({ anything: object });
      const text = escaped ? plain.replaceAll(/[a-z]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`) : plain;
      fc.pre(parse(text) !== undefined);
      const isOne = (one: string): boolean =>
        WORDS.slice(0, 5).includes(one) || WORDS.slice(5).some((beginning) => one.startsWith(beginning));
      expect(scan(text).reachesOut).toBe(stringsIn(parse(text)).some(isOne));
    }),
    { numRuns: 300 },
  );
});
