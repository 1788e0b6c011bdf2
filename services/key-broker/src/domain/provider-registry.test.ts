import { describe, expect, test } from 'vitest';
import { isKeyOf, overriddenCause, PROVIDER_REGISTRY, registryFaults, type ProviderSpec } from './provider-registry.ts';

/** All that it takes to have one more. */
const third: ProviderSpec = {
  name: 'third',
  primary: { baseUrl: 'https://llm.third.example/api', chatCompletionsPath: '/chat', messagesPath: '/messages' },
  keyFormat: /^tk-[a-z0-9]{20}$/,
  causeOverrides: [
    { status: 418, cause: 'rate_limited' },
    { word: 'plan_expired', cause: 'quota' },
    { status: 400, text: 'come back later', cause: 'upstream_error' },
  ],
  proxies: 'required',
  http2: true,
};

describe('the registry', () => {
  test('has no faults, and a third provider is one entry', () => {
    expect(registryFaults([...PROVIDER_REGISTRY, third])).toEqual([]);
  });

  test('says where the dialects of each provider are', () => {
    const urls = PROVIDER_REGISTRY.flatMap(({ name, primary, backup }) =>
      [primary, ...(backup === undefined ? [] : [backup])].flatMap((endpoint) => [
        `${name} ${endpoint.baseUrl}${endpoint.chatCompletionsPath}`,
        `${name} ${endpoint.baseUrl}${endpoint.messagesPath}`,
      ]),
    );
    expect(urls).toEqual([
      'ohmygpt https://apic1.ohmycdn.com/api/v1/ai/openai/cc-omg/v1/chat/completions',
      'ohmygpt https://apic1.ohmycdn.com/api/v1/ai/openai/cc-omg/v1/messages',
      'ohmygpt https://c-z0-api-01.hash070.com/chat/completions',
      'ohmygpt https://c-z0-api-01.hash070.com/v1/messages',
      'openhands https://llm-proxy.app.all-hands.dev/v1/chat/completions',
      'openhands https://llm-proxy.app.all-hands.dev/v1/messages',
    ]);
  });

  test.each<[string, Partial<ProviderSpec>]>([
    ['third: the name', { name: 'Third_1' }],
    ['primary: ftp://x', { primary: { ...third.primary, baseUrl: 'ftp://x' } }],
    ['primary: nonsense', { primary: { ...third.primary, baseUrl: 'nonsense' } }],
    ['no path can follow', { primary: { ...third.primary, baseUrl: 'https://x.example/' } }],
    ['credentials', { primary: { ...third.primary, baseUrl: 'https://u:p@x.example' } }],
    ['backup: the path chat', { backup: { ...third.primary, chatCompletionsPath: 'chat' } }],
    ['override 0 fits everything', { causeOverrides: [{ cause: 'quota' }] }],
    ['lower case', { causeOverrides: [{ text: 'No', cause: 'quota' }] }],
  ])('refuses what cannot work: %s', (fault, change) => {
    const [first, ...others] = registryFaults([{ ...third, ...change }]);
    expect(first).toContain(fault.replace('third: ', ''));
    expect(others).toEqual([]);
  });

  test('refuses a name that is there twice', () => {
    expect(registryFaults([third, third])).toEqual(['third: there twice']);
  });
});

test.each([
  [true, 'tk-abcdefghij0123456789'],
  [false, 'tk-abcdefghij012345678'],
  [false, ' tk-abcdefghij0123456789'],
  [false, 'tk-abcdefghij0123456789\n'],
  [false, ''],
])('a key is recognised by its format: %s for %j', (expected, apiKey) => {
  expect(isKeyOf(third, apiKey)).toBe(expected);
});

test('keys with line breaks or spaces are never taken', () => {
  for (const spec of PROVIDER_REGISTRY) {
    expect(isKeyOf(spec, 'sk-0123456789abcdef')).toBe(true);
    expect(isKeyOf(spec, 'sk-0123456789\r\nx-evil: 1')).toBe(false);
    expect(isKeyOf({ ...spec, keyFormat: /^sk/ }, 'sk-0123456789\r\nx-evil: 1')).toBe(false);
  }
});

test.each([
  [{ status: 418, words: [], message: undefined }, 'rate_limited'],
  [{ status: 200, words: ['plan_expired'], message: 'x' }, 'quota'],
  [{ status: 400, words: ['invalid'], message: 'Please COME back later' }, 'upstream_error'],
  [{ status: 401, words: ['invalid'], message: 'come back later' }, undefined],
])('an answer %j means %s with this provider', (error, cause) => {
  expect(overriddenCause(third, error)).toBe(cause);
});
