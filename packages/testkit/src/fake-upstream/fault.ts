import { z } from 'zod';

import { ERROR_NAMES } from './named-errors.ts';
import type { ErrorName } from './named-errors.ts';

const count = z.int().nonnegative();

/** Where in the answer's body a fault strikes: when so many output tokens, writes or bytes went out. */
const afterSchema = z.union([
  z.strictObject({ tokens: count }),
  z.strictObject({ chunks: count }),
  z.strictObject({ bytes: count }),
]);
const afterTokensSchema = z.strictObject({ tokens: count });

export type After = z.output<typeof afterSchema>;

/** `rst` resets the connection, `fin` closes it inside the body, `end` ends the body as if it were whole. */
const howSchema = z.enum(['rst', 'fin', 'end']);

/** Seconds or an HTTP date; a number with form `date` is turned into the date that many seconds ahead. */
const retryAfter = {
  retryAfter: z.union([z.number().nonnegative(), z.string()]).optional(),
  retryAfterForm: z.enum(['seconds', 'date']).default('seconds'),
};

const FAULTS = [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(400).max(599),
    /** Without it: what the vendor of the route's dialect says. A string is sent as it is, anything else as JSON. */
    body: z.json().optional(),
    contentType: z.string().optional(),
    headers: z.record(z.string(), z.string()).default({}),
    ...retryAfter,
  }),
  z.strictObject({
    kind: z.literal('error'),
    name: z.enum(ERROR_NAMES),
    status: z.int().min(400).max(599).optional(),
    headers: z.record(z.string(), z.string()).default({}),
    ...retryAfter,
  }),
  z.strictObject({ kind: z.literal('reset') }),
  z.strictObject({ kind: z.literal('close') }),
  z.strictObject({ kind: z.literal('silence') }),
  z.strictObject({
    kind: z.literal('cut'),
    after: afterSchema.default({ tokens: 1 }),
    how: howSchema.default('rst'),
  }),
  z.strictObject({
    kind: z.literal('stall'),
    after: afterSchema.default({ tokens: 1 }),
    /** null: until the client leaves; else the answer goes on after that time. */
    forMs: z.number().positive().nullable().default(null),
  }),
  z.strictObject({
    kind: z.literal('malformed'),
    after: afterTokensSchema.default({ tokens: 1 }),
    /** Sent as it is; without it, an event whose JSON breaks off. */
    raw: z.string().optional(),
  }),
  z.strictObject({
    kind: z.literal('error-event'),
    after: afterTokensSchema.default({ tokens: 0 }),
    error: z
      .strictObject({ type: z.string(), message: z.string(), code: z.string().nullable().default(null) })
      .optional(),
    /** The named error's body as the event's data. */
    name: z.enum(ERROR_NAMES).optional(),
    ending: z.enum(['end', 'fin', 'rst', 'stall', 'continue']).default('end'),
  }),
  z.strictObject({ kind: z.literal('no-terminal') }),
] as const;

const faultObject = z.discriminatedUnion('kind', FAULTS);

export type Fault = z.output<typeof faultObject>;
type FaultObjectInput = z.input<typeof faultObject>;

/** Kinds that need nothing but their name. */
export type PlainFault = Exclude<Fault['kind'], 'status' | 'error'>;

/** As written in a rule: an object, the name of an error body, a plain kind, or a status. */
export type FaultInput = FaultObjectInput | ErrorName | PlainFault | number;

/** `429`, `"html-403"` and `"cut"` are short for the objects that say the same. */
export const faultSchema: z.ZodType<Fault> = z.preprocess((value) => {
  if (typeof value === 'number') return { kind: 'status', status: value };
  if (typeof value !== 'string') return value;
  return ERROR_NAMES.some((name) => name === value) ? { kind: 'error', name: value } : { kind: value };
}, faultObject);
