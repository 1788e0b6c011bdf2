/** What a program has of an answer. */
export interface Said {
  readonly text: string;
  readonly tool: ToolUse | undefined;
  readonly outputTokens: number | undefined;
  readonly finish: string | null | undefined;
}

export interface ToolUse {
  readonly name: string;
  readonly input: unknown;
}

/** Why a request fails, as far as a program can tell. */
export const FAILURES = [
  'bad request',
  'wrong key',
  'forbidden',
  'not found',
  'too large',
  'rate limit',
  'money spent',
  'no capacity',
  'failed',
  'late',
] as const;
export type Failure = (typeof FAILURES)[number];

/** The name of what is raised, and its status. */
export type Raised = readonly [name: string, status: number | undefined];

/** A library that clients use, as they use it; without retries, so that each failure is seen. */
export interface Sdk {
  readonly dialect: 'openai' | 'anthropic';
  readonly ask: (baseUrl: string, model: string) => Promise<Said>;
  /** Reads to the end; throws where there is none. */
  readonly stream: (baseUrl: string, model: string) => Promise<Said>;
  /** As the library's users tell failures apart. */
  readonly raises: Readonly<Record<Failure, Raised>>;
  readonly raised: (error: unknown) => Raised;
}

export const API_KEY = 'sk-omg-anything';
export const QUESTION = 'where is the file?';
export const MAX_TOKENS = 50;
export const TOOL_SCHEMA = { type: 'object' as const, properties: { path: { type: 'string' as const } } };
