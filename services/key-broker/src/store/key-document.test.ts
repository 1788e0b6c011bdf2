import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseKeyDocument } from './key-document.ts';
import { SecretBox } from './secret-box.ts';

const box = new SecretBox({ id: 'k', key: randomBytes(32) });

test('a document of an older system, without what came later, is a key with the defaults', () => {
  const document = {
    _id: 'old',
    apiKey: 'sk-1',
    status: 'healthy',
    tokensUsed: 5,
    requestsCount: 1,
    isEnabled: true,
    createdAt: new Date(),
  };
  expect(parseKeyDocument(document, box)).toEqual({
    id: 'old',
    secret: 'sk-1',
    status: 'healthy',
    enabled: true,
    cooldownUntilMs: undefined,
    allowedModels: undefined,
    slots: 50,
    generation: 1n,
  });
});

test('numbers are read in whichever form the driver gives them', () => {
  expect(parseKeyDocument({ _id: 'k', apiKey: 's', slots: 7n, generation: 3 }, box)).toMatchObject({
    slots: 7,
    generation: 3n,
  });
});

test('a faulty document says what is wrong, and nothing of the key', () => {
  const parsed = parseKeyDocument({ _id: 'k', apiKey: 'sk-very-secret', status: 'strange' }, box);
  expect('fault' in parsed && parsed.fault).toContain('status');
  expect(JSON.stringify(parsed)).not.toContain('sk-very-secret');
});

test('a sealed key is opened, and one that cannot be opened is a fault', () => {
  expect(parseKeyDocument({ _id: 'k', apiKey: box.seal('sk-1') }, box)).toMatchObject({ secret: 'sk-1' });
  const other = new SecretBox({ id: 'other', key: randomBytes(32) });
  expect(parseKeyDocument({ _id: 'k', apiKey: other.seal('sk-1') }, box)).toEqual({
    fault: 'apiKey: it was encrypted with the key other, which is not configured',
  });
});
