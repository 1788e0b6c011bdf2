import type { Tokens } from './tokens.ts';

/** The fields of a scenario that a preset sets; the scenario's schema checks them when it is laid over. */
interface Preset {
  readonly tokens: Partial<Tokens>;
  readonly deltas: number;
  readonly usageStart: Readonly<Record<string, unknown>>;
  readonly usageDelta?: Readonly<Record<string, unknown>>;
  readonly iterations?: ReadonlyArray<{
    readonly type: string;
    readonly model?: string;
    readonly tokens: Partial<Tokens>;
  }>;
}

/**
 * Usage as Anthropic was recorded to report it, where message_start and message_delta disagree.
 * `tokens` is what message_delta reports; with iterations, their sum is what is charged.
 */
export const PRESETS = {
  'web-search': {
    tokens: { input: 15_665, output: 400 },
    deltas: 20,
    usageStart: { input_tokens: 2037 },
    usageDelta: { server_tool_use: { web_search_requests: 1 } },
  },
  'code-execution-cache': {
    tokens: { input: 12, cacheWrite5m: 3337, cacheRead: 6289, output: 300 },
    deltas: 20,
    usageStart: {
      cache_creation_input_tokens: 3068,
      cache_read_input_tokens: 0,
      cache_creation: { ephemeral_5m_input_tokens: 3068, ephemeral_1h_input_tokens: 0 },
    },
  },
  compaction: {
    tokens: { input: 612, output: 2819 },
    deltas: 20,
    usageStart: { input_tokens: 60_385 },
    iterations: [
      { type: 'compaction', tokens: { input: 60_385, output: 522 } },
      { type: 'message', tokens: { input: 612, output: 2819 } },
    ],
  },
  'compaction-cache': {
    tokens: { input: 612, output: 200 },
    deltas: 20,
    usageStart: { cache_read_input_tokens: 55_096 },
    iterations: [
      { type: 'compaction', tokens: { cacheRead: 55_096, output: 83 } },
      { type: 'message', tokens: { input: 612, output: 200 } },
    ],
  },
  advisor: {
    tokens: { input: 4727, output: 3391 },
    deltas: 20,
    usageStart: { input_tokens: 1051 },
    iterations: [
      { type: 'message', tokens: { input: 1051, output: 1200 } },
      { type: 'advisor_message', model: 'claude-opus-4-5-20251101', tokens: { input: 2728, output: 3880 } },
      { type: 'message', tokens: { input: 3676, output: 2191 } },
    ],
  },
} satisfies Record<string, Preset>;

export const PRESET_NAMES = [
  'web-search',
  'code-execution-cache',
  'compaction',
  'compaction-cache',
  'advisor',
] as const;
