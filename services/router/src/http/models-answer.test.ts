import { describe, expect, test } from 'vitest';
import type { Model } from '../domain/site.ts';
import { modelAnswer, modelsAnswer, type ModelsQuery } from './models-answer.ts';

const MODELS: readonly Model[] = ['a', 'b', 'c', 'd', 'e'].map((id) => ({
  id,
  aliases: [`${id}-latest`],
  upstream: `secret-name-of-${id}`,
  ...(id === 'a' ? { displayName: 'Model A', contextWindow: 200_000, maxOutputTokens: 64_000 } : {}),
}));

test('OpenAI’s list is whole, and does not tell what upstreams call a model', () => {
  const answer = modelsAnswer('openai', MODELS, { limit: '1' });
  expect(answer).toMatchObject({ object: 'list', data: MODELS.map(({ id }) => ({ id, object: 'model' })) });
  expect(JSON.stringify([answer, modelsAnswer('anthropic', MODELS, {})])).not.toContain('secret');
});

test('Anthropic’s list says what is known of a model, and null for what is not', () => {
  expect(modelsAnswer('anthropic', MODELS.slice(0, 2), {})).toEqual({
    data: [
      {
        type: 'model',
        id: 'a',
        display_name: 'Model A',
        created_at: '1970-01-01T00:00:00.000Z',
        max_input_tokens: 200_000,
        max_tokens: 64_000,
      },
      {
        type: 'model',
        id: 'b',
        display_name: 'b',
        created_at: '1970-01-01T00:00:00.000Z',
        max_input_tokens: null,
        max_tokens: null,
      },
    ],
    has_more: false,
    first_id: 'a',
    last_id: 'b',
  });
  expect(modelsAnswer('anthropic', [], {})).toEqual({ data: [], has_more: false, first_id: null, last_id: null });
});

describe('pages', () => {
  test.each([
    [{ limit: '2' }, 'ab', true],
    [{ limit: '2', after_id: 'b' }, 'cd', true],
    [{ limit: '2', after_id: 'd' }, 'e', false],
    [{ limit: '2', after_id: 'e' }, '', false],
    [{ limit: '2', before_id: 'd' }, 'bc', true],
    [{ limit: '2', before_id: 'c' }, 'ab', false],
    [{ before_id: 'a' }, '', false],
    [{ limit: '1000' }, 'abcde', false],
  ] satisfies [ModelsQuery, string, boolean][])('%j: %j, more: %s', (query, ids, hasMore) => {
    const [first = null] = ids;
    expect(modelsAnswer('anthropic', MODELS, query)).toMatchObject({
      data: ids.split('').map((id) => ({ id })),
      has_more: hasMore,
      first_id: first,
      last_id: ids.at(-1) ?? null,
    });
  });

  test.each([
    [{ limit: '0' }, /limit must be/],
    [{ limit: '1001' }, /limit must be/],
    [{ limit: 'ten' }, /limit must be/],
    [{ limit: ['1', '2'] }, /limit must be/],
    [{ after_id: 'x' }, /after_id names no model/],
    [{ before_id: ['a', 'b'] }, /before_id names no model/],
    [{ before_id: 'a', after_id: 'b' }, /exclude each other/],
  ])('%j is refused', (query, message) => {
    expect(() => modelsAnswer('anthropic', MODELS, query)).toThrow(message);
  });
});

test('one model is found by its id or an alias, and goes by its id', () => {
  expect(modelAnswer('openai', MODELS, 'b-latest')).toMatchObject({ id: 'b' });
  expect(modelAnswer('anthropic', MODELS, 'b')).toMatchObject({ id: 'b', type: 'model' });
  expect(() => modelAnswer('openai', MODELS, 'x')).toThrow('the model "x" does not exist here');
});
