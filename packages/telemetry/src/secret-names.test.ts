import { expect, test } from 'vitest';
import { isSecretName } from './secret-names.ts';

test.each([
  'authorization',
  'Proxy-Authorization',
  'x-api-key',
  'apiKey',
  'OHMYGPT_API_KEYS',
  'password',
  'passwd',
  'SERVICE_TOKEN',
  'refreshToken',
  'SERVICE_TOKENS',
  'set-cookie',
  'clientSecret',
  'private_key',
])('what is named %s is a secret', (name) => {
  expect(isSecretName(name)).toBe(true);
});

test.each(['prompt_tokens', 'tokensUsed', 'max_tokens', 'tokens', 'tokenizer', 'keyId', 'key', 'author', 'passed'])(
  'what is named %s is none',
  (name) => {
    expect(isSecretName(name)).toBe(false);
  },
);
