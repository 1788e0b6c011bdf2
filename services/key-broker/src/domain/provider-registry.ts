import type { OutcomeCause } from './key-event.ts';
import type { ProxyPolicy } from './proxy-choice.ts';

/** Where an upstream is reached; the paths hang on the base URL. */
export interface ProviderEndpoint {
  readonly baseUrl: string;
  readonly chatCompletionsPath: string;
  readonly messagesPath: string;
}

/** An upstream's answer that means something else with this provider than it does with others. */
export interface CauseOverride {
  /** Each that is given has to fit; at least one is. */
  readonly status?: number;
  /** Type or code of the error. */
  readonly word?: string;
  /** In the message, in lower case. */
  readonly text?: string;
  readonly cause: Exclude<OutcomeCause, 'success' | 'proxy_error' | 'cancelled'>;
}

/** All that the gateway has to know of a provider. */
export interface ProviderSpec {
  readonly name: string;
  readonly primary: ProviderEndpoint;
  /** For keys in `using_failover`. */
  readonly backup?: ProviderEndpoint;
  /** What a key of it looks like; a key that does not is refused before it is ever sent. */
  readonly keyFormat: RegExp;
  /** The first that fits decides, before the general rules. */
  readonly causeOverrides: readonly CauseOverride[];
  readonly proxies: ProxyPolicy;
  readonly http2: boolean;
}

const V1_PATHS = { chatCompletionsPath: '/v1/chat/completions', messagesPath: '/v1/messages' };
/** Printable, no spaces: what can be a header's value. */
const ANY_TOKEN = /^[\x21-\x7e]{1,512}$/;

/** The providers that this gateway knows; a further one is one entry here and a site file. */
export const PROVIDER_REGISTRY: readonly ProviderSpec[] = [
  {
    name: 'ohmygpt',
    primary: { baseUrl: 'https://apic1.ohmycdn.com/api/v1/ai/openai/cc-omg', ...V1_PATHS },
    backup: {
      baseUrl: 'https://c-z0-api-01.hash070.com',
      chatCompletionsPath: '/chat/completions',
      messagesPath: '/v1/messages',
    },
    keyFormat: ANY_TOKEN,
    causeOverrides: [],
    proxies: 'allowed',
    http2: false,
  },
  {
    name: 'openhands',
    primary: { baseUrl: 'https://llm-proxy.app.all-hands.dev', ...V1_PATHS },
    keyFormat: ANY_TOKEN,
    causeOverrides: [],
    proxies: 'allowed',
    http2: false,
  },
];

/** The provider with an endpoint at another base URL: a relay in between, or a fake upstream. */
export function withBaseUrl(
  spec: ProviderSpec,
  urls: { readonly primary: string | undefined; readonly backup: string | undefined },
): ProviderSpec {
  const moved = (endpoint: ProviderEndpoint, baseUrl: string | undefined): ProviderEndpoint =>
    baseUrl === undefined ? endpoint : { ...endpoint, baseUrl: baseUrl.replace(/\/$/, '') };
  const primary = moved(spec.primary, urls.primary);
  return spec.backup === undefined
    ? { ...spec, primary }
    : { ...spec, primary, backup: moved(spec.backup, urls.backup) };
}

/** What is wrong with these entries, in words; nothing when they can be used. */
export function registryFaults(specs: readonly ProviderSpec[]): readonly string[] {
  const names = specs.map(({ name }) => name);
  const twice = new Set(names.filter((name, at) => names.indexOf(name) !== at));
  return [...[...twice].map((name) => `${name}: there twice`), ...specs.flatMap(specFaults)];
}

/** Whether a key can be one of this provider's; never says what is wrong with it, since that is a secret. */
export function isKeyOf({ keyFormat }: ProviderSpec, apiKey: string): boolean {
  // a test with a `g` or `y` pattern would remember its last one
  return apiKey.search(keyFormat) === 0 && !/\s/.test(apiKey);
}

/** What an upstream's error means with this provider, where that differs from the general rules. */
export function overriddenCause(
  { causeOverrides }: ProviderSpec,
  error: { readonly status: number; readonly words: readonly string[]; readonly message: string | undefined },
): OutcomeCause | undefined {
  const message = error.message?.toLowerCase() ?? '';
  return causeOverrides.find(
    ({ status, word, text }) =>
      (status === undefined || status === error.status) &&
      (word === undefined || error.words.includes(word)) &&
      (text === undefined || message.includes(text)),
  )?.cause;
}

function specFaults(spec: ProviderSpec): readonly string[] {
  const faults: string[] = [];
  // it becomes a part of the names of collections, fields and files
  if (!/^[a-z][a-z0-9]{1,30}$/.test(spec.name)) faults.push('the name is not 2 to 31 small letters and digits');
  for (const [which, endpoint] of [
    ['primary', spec.primary],
    ['backup', spec.backup],
  ] as const) {
    if (endpoint !== undefined) faults.push(...endpointFaults(endpoint).map((fault) => `${which}: ${fault}`));
  }
  for (const [at, { status, word, text }] of spec.causeOverrides.entries()) {
    if (status === undefined && word === undefined && text === undefined) faults.push(`override ${at} fits everything`);
    if (text !== undefined && text !== text.toLowerCase()) faults.push(`override ${at}: the text is not in lower case`);
  }
  return faults.map((fault) => `${spec.name}: ${fault}`);
}

function endpointFaults({ baseUrl, chatCompletionsPath, messagesPath }: ProviderEndpoint): readonly string[] {
  const faults = [chatCompletionsPath, messagesPath]
    .filter((path) => !path.startsWith('/'))
    .map((path) => `the path ${path} does not begin with a slash`);
  const url = URL.parse(baseUrl);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return [...faults, `${baseUrl} is not an http(s) URL`];
  }
  if (url.username !== '' || url.password !== '') faults.push('the base URL holds credentials');
  if (baseUrl.endsWith('/') || url.search !== '' || url.hash !== '') {
    faults.push(`${baseUrl} ends in something that no path can follow`);
  }
  return faults;
}
