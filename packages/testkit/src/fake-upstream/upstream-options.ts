import { z } from 'zod';

import { scenarioLayerSchema } from './scenario.ts';
import type { ScenarioInput } from './scenario.ts';

const port = z.int().min(0).max(65_535);

export const upstreamOptionsSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  /** 0 takes any free port. */
  port: port.default(0),
  adminPort: port.default(0),
  /** What every answer is like unless a fault or an `x-fake` header says otherwise. */
  scenario: scenarioLayerSchema.default({}),
  /** Only these keys are accepted; null accepts any. */
  keys: z.array(z.string()).nullable().default(null),
  models: z
    .array(z.string())
    .default([
      'claude-opus-4-5-20251101',
      'claude-sonnet-4-5-20250929',
      'claude-haiku-4-5-20251001',
      'gemini-3-pro-preview',
    ]),
  /** Refuses models that are not in `models`. */
  strictModels: z.boolean().default(false),
  maxEntries: z.int().positive().default(200_000),
  /** Of all request and response bodies together. */
  maxBodyBytes: z
    .int()
    .nonnegative()
    .default(256 * 1024 * 1024),
});

export type UpstreamOptions = z.output<typeof upstreamOptionsSchema>;

/** As written by a test; everything has a default. */
export type FakeUpstreamOptions = Omit<z.input<typeof upstreamOptionsSchema>, 'scenario'> & {
  scenario?: ScenarioInput;
};
