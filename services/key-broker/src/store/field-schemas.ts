import { Decimal128, ObjectId } from 'mongodb';
import { z } from 'zod';

/** An `_id`, or a reference to one: what older systems wrote is not always a string. */
export type RawId = string | number | bigint | ObjectId;

/** As the app knows it. */
export const Id = z
  .union([z.string().min(1), z.number(), z.bigint(), z.instanceof(ObjectId).transform((id) => id.toHexString())])
  .transform(String);

/** How often or how much; what cannot be read costs only itself. */
export const Count = z
  .unknown()
  .optional()
  .transform((value) => readNumber(value) ?? 0);

/** A limit of a key; none and 0 mean the default. */
export const Limit = z
  .unknown()
  .optional()
  .transform((value, context) => {
    if (value === undefined || value === null) return undefined;
    const limit = readNumber(value);
    if (limit !== undefined && Number.isInteger(limit) && limit >= 0) return limit === 0 ? undefined : limit;
    context.addIssue('must be a whole number');
    return z.NEVER;
  });

/** A moment in ms: a Date, or what older systems wrote instead of one. */
export const Moment = z.unknown().optional().transform(readMs);

export const Flag = (fallback: boolean): z.ZodType<boolean> =>
  z
    .boolean()
    .nullish()
    .transform((value) => value ?? fallback);

/** Numbers have been stored as Int32, Long, double, Decimal128 and text. Undefined where there is none. */
export function readNumber(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const isNumber = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string';
  const number = isNumber ? Number(value) : value instanceof Decimal128 ? Number(value.toString()) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

function readMs(value: unknown): number | undefined {
  const ms =
    value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : readNumber(value);
  return ms === undefined || Number.isNaN(ms) ? undefined : ms;
}

export function toDate(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}

/** What is wrong with a document, without a word of what is in it. */
export function faultOf({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
