import Anthropic from '@anthropic-ai/sdk';
import AnthropicBefore from 'anthropic-sdk-0';
import { API_KEY, MAX_TOKENS, QUESTION, TOOL_SCHEMA, type Said, type Sdk } from './sdk.ts';

const request = {
  messages: [{ role: 'user' as const, content: QUESTION }],
  max_tokens: MAX_TOKENS,
  tools: [{ name: 'read', input_schema: TOOL_SCHEMA }],
};

/** As far as it is the same in all versions. */
interface Message {
  readonly content: readonly object[];
  readonly usage: { readonly output_tokens: number };
  readonly stop_reason: string | null;
}

function said({ content, usage, stop_reason: finish }: Message): Said {
  const use = content.find((block) => 'name' in block && 'input' in block);
  return {
    text: content.map((block) => ('text' in block ? String(block.text) : '')).join(''),
    tool: use && { name: String(use.name), input: use.input },
    outputTokens: usage.output_tokens,
    finish,
  };
}

type Errors = typeof Anthropic | typeof AnthropicBefore;

const NAMES: Sdk['raises'] = {
  'bad request': [Anthropic.BadRequestError.name, 400],
  'wrong key': [Anthropic.AuthenticationError.name, 401],
  forbidden: [Anthropic.PermissionDeniedError.name, 403],
  'not found': [Anthropic.NotFoundError.name, 404],
  'too large': [Anthropic.ContentTooLargeError.name, 413],
  'rate limit': [Anthropic.RateLimitError.name, 429],
  'money spent': [Anthropic.PaymentRequiredError.name, 402],
  'no capacity': [Anthropic.OverloadedError.name, 529],
  failed: [Anthropic.InternalServerError.name, 502],
  late: [Anthropic.GatewayTimeoutError.name, 504],
};

const raised =
  ({ APIError }: Errors): Sdk['raised'] =>
  (error) =>
    error instanceof APIError ? [error.constructor.name, error.status] : [String(error), 0];

const clientOf = (baseURL: string): Anthropic => new Anthropic({ baseURL, apiKey: API_KEY, maxRetries: 0 });

export const anthropicSdk: Sdk = {
  dialect: 'anthropic',
  ask: async (baseUrl, model) => said(await clientOf(baseUrl).messages.create({ ...request, model })),
  stream: async (baseUrl, model) =>
    said(
      await clientOf(baseUrl)
        .messages.stream({ ...request, model })
        .finalMessage(),
    ),
  raises: NAMES,
  raised: raised(Anthropic),
};

const clientBeforeOf = (baseURL: string): AnthropicBefore =>
  new AnthropicBefore({ baseURL, apiKey: API_KEY, maxRetries: 0 });

/** Sends its key in another header, and has fewer classes. */
export const anthropicSdkBefore: Sdk = {
  dialect: 'anthropic',
  ask: async (baseUrl, model) => said(await clientBeforeOf(baseUrl).messages.create({ ...request, model })),
  stream: async (baseUrl, model) =>
    said(
      await clientBeforeOf(baseUrl)
        .messages.stream({ ...request, model })
        .finalMessage(),
    ),
  raises: {
    ...NAMES,
    'too large': [AnthropicBefore.APIError.name, 413],
    'money spent': [AnthropicBefore.APIError.name, 402],
    'no capacity': [AnthropicBefore.InternalServerError.name, 529],
    late: [AnthropicBefore.InternalServerError.name, 504],
  },
  raised: raised(AnthropicBefore),
};
