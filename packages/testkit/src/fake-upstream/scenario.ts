import { z } from 'zod';

import { faultSchema } from './fault.ts';
import type { FaultInput } from './fault.ts';
import { PRESETS, PRESET_NAMES } from './presets.ts';
import { NO_TOKENS, sparseTokensSchema, tokensSchema } from './tokens.ts';

const delayMs = z.number().nonnegative();
const rawObject = z.record(z.string(), z.json());

const recordedChunk = z.union([
  z.string(),
  z.strictObject({
    text: z.string().optional(),
    base64: z.base64().optional(),
    /** Wait before it is sent. */
    delayMs: delayMs.optional(),
    /** Output tokens that a client has received once this chunk has arrived. */
    tokens: z.int().nonnegative().optional(),
  }),
]);

const recordingSchema = z.strictObject({
  status: z.int().min(200).max(599).default(200),
  /** Added to the usual headers; a header of the same name replaces it. */
  headers: z.record(z.string(), z.string()).default({}),
  chunks: z.array(recordedChunk).min(1),
  /** What the provider charges for it; the recording itself is not read. */
  tokens: sparseTokensSchema.optional(),
});

/** How bytes are gathered into writes; each write is one chunk of the chunked framing. */
const chunksSchema = z.union([
  z.literal('event'),
  z.literal('one'),
  z.strictObject({ bytes: z.int().positive() }),
  z.strictObject({ randomSeed: z.int(), maxBytes: z.int().positive() }),
]);

/** Everything that decides an answer. docs/guides/fake-upstream.md explains each field. */
const scenarioSchema = z.strictObject({
  fault: faultSchema.nullable(),
  tokens: tokensSchema,
  deltas: z.int().positive().nullable(),
  text: z.string().nullable(),
  toolCall: z.strictObject({ name: z.string(), arguments: rawObject }).nullable(),
  finish: z.string().nullable(),
  model: z.string().nullable(),
  serviceTier: z.string().nullable(),
  usage: z.enum([
    'vendor',
    'omit',
    'null',
    'zero',
    'always',
    'ignore-include',
    'reject-include',
    'with-finish',
    'before-finish',
    'start-only',
    'delta-output-only',
  ]),
  usageStart: rawObject,
  usageDelta: rawObject,
  iterations: z.array(z.strictObject({ type: z.string(), model: z.string().optional(), tokens: sparseTokensSchema })),
  padding: z.boolean(),
  lineEnd: z.enum(['lf', 'crlf']),
  chunks: chunksSchema,
  headerDelayMs: delayMs,
  firstByteDelayMs: delayMs,
  firstTokenDelayMs: delayMs,
  paceMs: delayMs,
  keepAliveMs: delayMs,
  keepAlive: z.enum(['comment', 'ping']).nullable(),
  encoding: z.enum(['identity', 'gzip', 'deflate', 'br', 'zstd']),
  framing: z.enum(['chunked', 'close']).nullable(),
  headers: z.record(z.string(), z.string()),
  recording: recordingSchema.nullable(),
});

export type Scenario = z.output<typeof scenarioSchema>;
export type Recording = z.output<typeof recordingSchema>;

/** A part of a scenario, laid over another one. */
export const scenarioLayerSchema = scenarioSchema.partial().extend({
  preset: z.enum(PRESET_NAMES).optional(),
  tokens: tokensSchema.partial().optional(),
});

export type ScenarioLayer = z.output<typeof scenarioLayerSchema>;
/** As written by a test: faults may be given in their short form. */
export type ScenarioInput = Omit<z.input<typeof scenarioLayerSchema>, 'fault'> & {
  fault?: FaultInput | null | undefined;
};

const BASE: Scenario = {
  fault: null,
  tokens: { ...NO_TOKENS, input: 25, output: 20 },
  deltas: null,
  text: null,
  toolCall: null,
  finish: null,
  model: null,
  serviceTier: null,
  usage: 'vendor',
  usageStart: {},
  usageDelta: {},
  iterations: [],
  padding: false,
  lineEnd: 'lf',
  chunks: 'event',
  headerDelayMs: 0,
  firstByteDelayMs: 0,
  firstTokenDelayMs: 0,
  paceMs: 0,
  keepAliveMs: 0,
  keepAlive: null,
  encoding: 'identity',
  framing: null,
  headers: {},
  recording: null,
};

/** Later layers win, field by field; `tokens` count by count. */
export function layScenario(...layers: readonly ScenarioLayer[]): Scenario {
  const merged = { ...BASE };
  const tokens = { ...BASE.tokens };
  for (const { preset, ...own } of layers) {
    for (const fields of [preset === undefined ? {} : PRESETS[preset], own]) {
      Object.assign(tokens, fields.tokens);
      Object.assign(merged, fields);
    }
  }
  return scenarioSchema.parse({ ...merged, tokens });
}
