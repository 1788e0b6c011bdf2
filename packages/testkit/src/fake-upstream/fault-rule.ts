import { z } from 'zod';

import { parseOrProblems } from '../fake-common/parse-or-problems.ts';
import type { Parsed } from '../fake-common/parse-or-problems.ts';
import { faultSchema } from './fault.ts';
import type { FaultInput } from './fault.ts';
import { scenarioLayerSchema } from './scenario.ts';
import type { ScenarioInput } from './scenario.ts';

/** One pattern or several; `*` stands for any characters. */
const pattern = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const matchSchema = z.strictObject({
  key: pattern.optional(),
  /** The name that a fake proxy announced, or `direct`. */
  proxy: pattern.optional(),
  model: pattern.optional(),
  /** The whole path or its end. */
  path: pattern.optional(),
  dialect: z.enum(['openai', 'anthropic']).optional(),
  stream: z.boolean().optional(),
});

const faultRuleSchema = z
  .strictObject({
    id: z.string().min(1).optional(),
    match: matchSchema.default({}),
    /** Short for `answer: { fault }`. */
    fault: faultSchema.optional(),
    answer: scenarioLayerSchema.optional(),
    /** One answer per request, in this order; null is the normal answer. */
    script: z.array(scenarioLayerSchema.nullable()).min(1).optional(),
    /** What follows the script's last answer. */
    afterScript: z.enum(['normal', 'repeat-last', 'cycle']).default('normal'),
    /** Applies to so many requests, then recovers. */
    times: z.int().positive().optional(),
    once: z.boolean().optional(),
    /** Lets so many matching requests pass first. */
    skip: z.int().nonnegative().default(0),
    /** Recovers so long after it was added. */
    forMs: z.number().positive().optional(),
    /** Applies to this share of the matching requests, chosen by a seeded generator. */
    share: z.number().min(0).max(1).default(1),
    seed: z.int().default(1),
  })
  .refine((rule) => [rule.fault, rule.answer, rule.script].filter((given) => given !== undefined).length === 1, {
    error: 'give exactly one of fault, answer and script',
  })
  .refine((rule) => rule.once === undefined || rule.times === undefined, { error: 'give once or times, not both' });

export type FaultRule = z.output<typeof faultRuleSchema>;
export type FaultMatch = FaultRule['match'];

/** As written by a test. */
export type FaultRuleInput = Omit<z.input<typeof faultRuleSchema>, 'fault' | 'answer' | 'script'> & {
  fault?: FaultInput;
  answer?: ScenarioInput;
  script?: Array<ScenarioInput | null>;
};

/** One rule or a list of them, or every problem with them. */
export function parseFaultRules(value: unknown): Parsed<FaultRule[]> {
  if (!Array.isArray(value)) {
    const parsed = parseOrProblems(faultRuleSchema, value, 'fault');
    return parsed.ok ? { ok: true, value: [parsed.value] } : parsed;
  }
  return parseOrProblems(z.array(faultRuleSchema), value, 'faults');
}
