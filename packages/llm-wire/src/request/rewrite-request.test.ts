import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { rewriteRequest } from './rewrite-request.ts';
import type { RequestChanges } from './rewrite-request.ts';
import { scanRequest } from './scan-request.ts';

function rewrite(text: string, changes: RequestChanges): string {
  const body = Buffer.from(text);
  const result = scanRequest(body);
  if (!result.ok) throw new Error(result.fault.reason);
  return Buffer.from(rewriteRequest(body, result.scan, changes)).toString();
}

test.each([
  [
    'the model',
    '{ "a":1, "model" : "x" ,"é":"\\u0041"}\n',
    { model: 'ü"' },
    '{ "a":1, "model" : "ü\\"" ,"é":"\\u0041"}\n',
  ],
  [
    'a model that is there twice, in both places',
    '{"model":"a","model":"b"}',
    { model: 'c' },
    '{"model":"c","model":"c"}',
  ],
  ['nothing', '{"model":"a"}', { model: 'a' }, '{"model":"a"}'],
  [
    'missing stream options',
    '{"model":"a" }',
    { includeUsage: true },
    '{"model":"a" ,"stream_options":{"include_usage":true}}',
  ],
  [
    'null stream options',
    '{"stream_options":null}',
    { includeUsage: true },
    '{"stream_options":{"include_usage":true}}',
  ],
  [
    'empty stream options',
    '{"stream_options":{ }}',
    { includeUsage: true },
    '{"stream_options":{"include_usage":true}}',
  ],
  [
    'other stream options',
    '{"stream_options":{ "b":1},"model":"a"}',
    { includeUsage: true, model: 'longer' },
    '{"stream_options":{"include_usage":true, "b":1},"model":"longer"}',
  ],
  [
    'a refused usage chunk',
    '{"stream_options":{"include_usage" : false , "b":1}}',
    { includeUsage: true },
    '{"stream_options":{"include_usage" : true , "b":1}}',
  ],
  [
    'usage that is asked for already',
    '{"stream_options":{"include_usage":true}}',
    { includeUsage: true },
    '{"stream_options":{"include_usage":true}}',
  ],
  ['an empty object', '{}', { includeUsage: true }, '{"stream_options":{"include_usage":true}}'],
  ['an object without model', '{"a":1}', { includeUsage: true }, '{"a":1,"stream_options":{"include_usage":true}}'],
])('rewrites %s', (_, text, changes, expected) => {
  expect(rewrite(text, changes)).toBe(expected);
});

test('a body that needs no change is the same object', () => {
  const body = Buffer.from('{"model":"a"}');
  const result = scanRequest(body);
  expect(result.ok && rewriteRequest(body, result.scan, { model: 'a' })).toBe(body);
});

test('changes these two values and nothing else, in any request', () => {
  const options = fc.option(fc.dictionary(fc.string(), fc.jsonValue()), { nil: undefined });
  const rest = fc.dictionary(
    fc.string().filter((name) => name.length > 0 && !/^\d/.test(name)),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(
      rest,
      options,
      fc.string(),
      fc.string(),
      fc.constantFrom(0, 2),
      (members, streamOptions, from, to, indent) => {
        const before = {
          ...members,
          model: from,
          ...(streamOptions === undefined ? {} : { stream_options: streamOptions }),
        };
        const text = JSON.stringify(before, undefined, indent);
        const body = Buffer.from(text);
        const result = scanRequest(body);
        fc.pre(result.ok);
        const after: unknown = JSON.parse(rewrite(text, { model: to, includeUsage: true }));
        const expected = { ...before, model: to, stream_options: { ...streamOptions, include_usage: true } };
        expect(after).toEqual(JSON.parse(JSON.stringify(expected)));
      },
    ),
  );
});
