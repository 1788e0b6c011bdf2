import { z } from 'zod';
import type { StoredBinding } from '../app/pool-store.ts';
import { faultOf, Flag, Id, Moment, readNumber } from './field-schemas.ts';
import type { Fault } from './stored-key.ts';

const MAX_PRIORITY = 10;

const BindingDocument = z.object({
  _id: Id,
  proxyId: Id,
  keyId: Id,
  priority: z.unknown().optional().transform(toPriority),
  isActive: Flag(true),
  createdAt: Moment,
  updatedAt: Moment,
});

/** The name of the field that says which key differs between providers. */
export function readBinding(document: Readonly<Record<string, unknown>>, keyField: string): StoredBinding | Fault {
  const parsed = BindingDocument.safeParse({ ...document, keyId: document[keyField] });
  if (!parsed.success) return { fault: faultOf(parsed.error) };
  const { _id, createdAt, updatedAt, ...rest } = parsed.data;
  return { id: _id, ...rest, createdAtMs: createdAt ?? 0, updatedAtMs: updatedAt ?? createdAt ?? 0 };
}

function toPriority(value: unknown): number {
  return Math.min(MAX_PRIORITY, Math.max(1, Math.round(readNumber(value) ?? 1)));
}
