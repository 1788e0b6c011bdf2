import OpenAI from 'openai';
import { API_KEY, MAX_TOKENS, QUESTION, TOOL_SCHEMA, type Said, type Sdk } from './sdk.ts';

const clientOf = (baseUrl: string): OpenAI => new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey: API_KEY, maxRetries: 0 });
const request = {
  messages: [{ role: 'user' as const, content: QUESTION }],
  max_tokens: MAX_TOKENS,
  tools: [{ type: 'function' as const, function: { name: 'read', parameters: TOOL_SCHEMA } }],
};

function said({ choices, usage }: OpenAI.ChatCompletion): Said {
  const [choice] = choices;
  const call = choice?.message.tool_calls?.find(({ type }) => type === 'function');
  const called = call?.type === 'function' ? call.function : undefined;
  return {
    text: choice?.message.content ?? '',
    tool: called && { name: called.name, input: JSON.parse(called.arguments) },
    outputTokens: usage?.completion_tokens,
    finish: choice?.finish_reason,
  };
}

export const openaiSdk: Sdk = {
  dialect: 'openai',
  ask: async (baseUrl, model) => said(await clientOf(baseUrl).chat.completions.create({ ...request, model })),
  stream: async (baseUrl, model) => {
    const stream = clientOf(baseUrl).chat.completions.stream({
      ...request,
      model,
      stream_options: { include_usage: true },
    });
    return said(await stream.finalChatCompletion());
  },
  raises: {
    'bad request': [OpenAI.BadRequestError.name, 400],
    'wrong key': [OpenAI.AuthenticationError.name, 401],
    forbidden: [OpenAI.PermissionDeniedError.name, 403],
    'not found': [OpenAI.NotFoundError.name, 404],
    'too large': [OpenAI.APIError.name, 413],
    'rate limit': [OpenAI.RateLimitError.name, 429],
    'money spent': [OpenAI.RateLimitError.name, 429],
    'no capacity': [OpenAI.InternalServerError.name, 503],
    failed: [OpenAI.InternalServerError.name, 502],
    late: [OpenAI.InternalServerError.name, 504],
  },
  raised: (error) => (error instanceof OpenAI.APIError ? [error.constructor.name, error.status] : [String(error), 0]),
};
