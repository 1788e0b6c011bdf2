/** Where and how an upstream is reached. */
export interface Endpoint {
  readonly name: 'primary' | 'backup';
  readonly baseUrl: string;
  readonly chatCompletionsPath: string;
  readonly messagesPath: string;
  readonly http2: boolean;
}

/** An upstream with a key pool of its own. */
export interface Provider {
  readonly name: string;
  readonly primary: Endpoint;
  readonly backup?: Endpoint;
}

const OPENAI_STYLE_PATHS = { chatCompletionsPath: '/v1/chat/completions', messagesPath: '/v1/messages', http2: false };

/** The providers that this gateway knows; a further one is one entry here and a site file. */
export const PROVIDERS: readonly Provider[] = [
  {
    name: 'ohmygpt',
    primary: { name: 'primary', baseUrl: 'https://apic1.ohmycdn.com/api/v1/ai/openai/cc-omg', ...OPENAI_STYLE_PATHS },
    backup: {
      name: 'backup',
      baseUrl: 'https://c-z0-api-01.hash070.com',
      chatCompletionsPath: '/chat/completions',
      messagesPath: '/v1/messages',
      http2: false,
    },
  },
  {
    name: 'openhands',
    primary: { name: 'primary', baseUrl: 'https://llm-proxy.app.all-hands.dev', ...OPENAI_STYLE_PATHS },
  },
];

/** The provider with its primary endpoint at another base URL: a relay in between, or a fake upstream. */
export function withBaseUrl(provider: Provider, baseUrl: string | undefined): Provider {
  return baseUrl === undefined ? provider : { ...provider, primary: { ...provider.primary, baseUrl } };
}
