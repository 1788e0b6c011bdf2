import { z } from 'zod';

const recordSchema = z.record(z.string(), z.unknown());

/** The object that the text holds; throws when it holds none. */
export function readObject(text: string | Buffer | undefined): Record<string, unknown> {
  const json: unknown = JSON.parse(String(text));
  return recordSchema.parse(json);
}
