import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateText, jsonSchema, streamText, type LanguageModel, type ToolSet } from 'ai';
import { API_KEY, MAX_TOKENS, QUESTION, TOOL_SCHEMA, type Raised, type Said, type Sdk } from './sdk.ts';

type ModelOf = (baseUrl: string, model: string) => LanguageModel;

const tools: ToolSet = { read: { inputSchema: jsonSchema<never>(TOOL_SCHEMA) } };
const request = { prompt: QUESTION, maxOutputTokens: MAX_TOKENS, maxRetries: 0, tools };

interface Result {
  readonly text: string;
  readonly toolCalls: readonly { readonly toolName: string; readonly input: unknown }[];
  readonly usage: { readonly outputTokens: number | undefined };
  readonly finishReason: string;
}

function said({ text, toolCalls, usage, finishReason }: Result): Said {
  const [call] = toolCalls;
  return {
    text,
    tool: call && { name: call.toolName, input: call.input },
    outputTokens: usage.outputTokens,
    finish: finishReason,
  };
}

function aiSdk(dialect: Sdk['dialect'], modelOf: ModelOf, statuses: readonly [money: number, capacity: number]): Sdk {
  const withStatus = (status: number): Raised => ['AI_APICallError', status];
  return {
    dialect,
    ask: async (baseUrl, model) => said(await generateText({ ...request, model: modelOf(baseUrl, model) })),
    stream: async (baseUrl, model) => {
      const result = streamText({ ...request, model: modelOf(baseUrl, model), onError: () => undefined });
      // errors are parts of the stream, unless the stream itself breaks
      for await (const part of result.stream) if (part.type === 'error') throw part.error;
      return said({
        text: await result.text,
        toolCalls: await result.toolCalls,
        usage: await result.usage,
        finishReason: await result.finishReason,
      });
    },
    raises: {
      'bad request': withStatus(400),
      'wrong key': withStatus(401),
      forbidden: withStatus(403),
      'not found': withStatus(404),
      'too large': withStatus(413),
      'rate limit': withStatus(429),
      'money spent': withStatus(statuses[0]),
      'no capacity': withStatus(statuses[1]),
      failed: withStatus(502),
      late: withStatus(504),
    },
    raised: (error) => (APICallError.isInstance(error) ? [error.name, error.statusCode] : [String(error), 0]),
  };
}

export const aiSdkOpenai = aiSdk(
  'openai',
  (baseUrl, model) => createOpenAI({ baseURL: `${baseUrl}/v1`, apiKey: API_KEY }).chat(model),
  [429, 503],
);

export const aiSdkAnthropic = aiSdk(
  'anthropic',
  (baseUrl, model) => createAnthropic({ baseURL: `${baseUrl}/v1`, apiKey: API_KEY })(model),
  [402, 529],
);
