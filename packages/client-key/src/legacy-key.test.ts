import { expect, test } from 'vitest';
import { isLegacyKey } from './legacy-key.ts';

const OLD = `sk-trollllm-${'a'.repeat(64)}`;

test.each([
  [OLD, ['sk-other-', 'sk-trollllm-'], true],
  [OLD, ['sk-other-'], false],
  [OLD, [], false],
  ['sk-trollllm-short', ['sk-trollllm-'], false],
  [OLD.padEnd(256, 'a'), ['sk-trollllm-'], true],
  [OLD.padEnd(257, 'a'), ['sk-trollllm-'], false],
  [`${OLD} b`, ['sk-trollllm-'], false],
  [`${OLD}é`, ['sk-trollllm-'], false],
])('%s with the prefixes %j: %s', (text, prefixes, is) => {
  expect(isLegacyKey(text, prefixes)).toBe(is);
});
