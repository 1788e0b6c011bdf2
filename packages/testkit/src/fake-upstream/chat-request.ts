import { z } from 'zod';

/** What the fake needs of a request's body; everything else passes unread. */
const chatRequestSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(z.unknown()),
  stream: z.boolean().nullish(),
  stream_options: z
    .looseObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  n: z.int().positive().nullish(),
});

export interface ChatRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly hasStreamOptions: boolean;
  readonly includeUsage: boolean;
  readonly includeObfuscation: boolean;
  readonly maxTokens: number;
  readonly choices: number;
}

/** The request, or what is wrong with it in one sentence. */
export function parseChatRequest(body: Buffer): ChatRequest | string {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return 'We could not parse the JSON body of your request.';
  }
  const parsed = chatRequestSchema.safeParse(json);
  if (!parsed.success) {
    return parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  }
  const { data } = parsed;
  return {
    model: data.model,
    stream: data.stream ?? false,
    hasStreamOptions: data.stream_options !== undefined && data.stream_options !== null,
    includeUsage: data.stream_options?.include_usage ?? false,
    includeObfuscation: data.stream_options?.include_obfuscation ?? true,
    maxTokens: data.max_completion_tokens ?? data.max_tokens ?? Number.POSITIVE_INFINITY,
    choices: data.n ?? 1,
  };
}
