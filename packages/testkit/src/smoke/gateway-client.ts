import { z } from 'zod';

export const DIALECTS = ['openai', 'anthropic'] as const;
export type Dialect = (typeof DIALECTS)[number];

export interface Question {
  readonly dialect: Dialect;
  readonly model: string;
  readonly stream: boolean;
}

export interface Answer extends Question {
  /** 0 where there was none. */
  readonly status: number;
  readonly ms: number;
  readonly requestId: string;
  /** Empty: it came whole. */
  readonly problem: string;
}

/** What the books have of a request. */
export interface Booked {
  readonly success: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usageSource: string;
  readonly costUsd: string;
}

export interface GatewayClient {
  readonly models: () => Promise<readonly string[]>;
  readonly ask: (question: Question) => Promise<Answer>;
  /** Of the key's last requests, by their ids. */
  readonly booked: () => Promise<ReadonlyMap<string, Booked>>;
}

const Models = z.object({ data: z.array(z.object({ id: z.string() })) });
const Count = z.number();
const Account = z.object({
  requests: z.array(
    z.object({
      id: z.string(),
      success: z.boolean(),
      usage_source: z.string(),
      tokens: z.object({
        input: Count,
        cache_write_5m: Count,
        cache_write_1h: Count,
        cache_read: Count,
        output: Count,
      }),
      cost: z.object({ usd: z.string() }),
    }),
  ),
});

const ROUTES = { openai: '/v1/chat/completions', anthropic: '/v1/messages' } as const;
const ID_HEADERS = { openai: 'x-request-id', anthropic: 'request-id' } as const;
/** Without it a stream is one that was cut. */
const TERMINAL = { openai: /^data: ?\[DONE\]/m, anthropic: /^event: ?message_stop/m } as const;
const MAX_OUTPUT_TOKENS = 16;
const MAX_PROBLEM = 200;

/** A gateway as its clients have it: by its address and a client key. */
export function createGatewayClient(url: string, key: string, timeoutMs: number): GatewayClient {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(url + path, { headers, signal: AbortSignal.timeout(timeoutMs) });
    if (response.ok) return await response.json();
    throw new Error(`${url}${path} answered ${response.status}: ${(await response.text()).slice(0, MAX_PROBLEM)}`);
  };
  return {
    models: async () => Models.parse(await get('/v1/models')).data.map(({ id }) => id),
    ask: async (question) => {
      const { dialect, model, stream } = question;
      const startedMs = performance.now();
      const told = { status: 0, requestId: '' };
      let problem: string;
      try {
        const response = await fetch(url + ROUTES[dialect], {
          method: 'POST',
          headers: dialect === 'anthropic' ? { ...headers, 'anthropic-version': '2023-06-01' } : headers,
          body: JSON.stringify({
            model,
            max_tokens: MAX_OUTPUT_TOKENS,
            messages: [{ role: 'user', content: 'Say hello.' }],
            stream,
          }),
          signal: AbortSignal.timeout(timeoutMs),
        });
        told.status = response.status;
        told.requestId = response.headers.get(ID_HEADERS[dialect]) ?? '';
        problem = problemOf(question, response.status, await response.text());
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
      }
      return { ...question, ...told, ms: Math.round(performance.now() - startedMs), problem };
    },
    booked: async () => {
      const { requests } = Account.parse(await get('/v1/account?limit=100'));
      return new Map(
        requests.map(({ id, success, usage_source: usageSource, tokens, cost }) => [
          id,
          {
            success,
            usageSource,
            inputTokens: tokens.input + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h,
            outputTokens: tokens.output,
            costUsd: cost.usd,
          },
        ]),
      );
    },
  };
}

function problemOf({ dialect, stream }: Question, status: number, body: string): string {
  if (status !== 200) return body.replaceAll(/\s+/g, ' ').slice(0, MAX_PROBLEM);
  if (stream) return TERMINAL[dialect].test(body) ? '' : 'the stream ended without its end';
  return /^\s*\{/.test(body) ? '' : 'the answer is no JSON';
}
