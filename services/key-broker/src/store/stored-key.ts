import { Long, ObjectId } from 'mongodb';
import { z } from 'zod';
import type { StoredKey } from '../app/pool-store.ts';
import { NOTHING_IN_A_ROW, type KeyState } from '../domain/key-state.ts';
import type { KeyStateConfig } from '../domain/key-state-config.ts';
import type { KeyTerms, RotatingKey } from '../domain/rotation-plan.ts';
import { Count, faultOf, Flag, Id, Limit, Moment, toDate } from './field-schemas.ts';
import { changedByHand, NO_OWN_FIELDS, stateOf, type HandFields, type OwnFields } from './hand-changes.ts';
import type { SecretBox } from './secret-box.ts';

const Status = z.enum(['healthy', 'rate_limited', 'exhausted', 'error', 'using_failover']);

const Hand = z
  .object({
    status: Status.nullish().transform((status) => status ?? 'healthy'),
    cooldownUntil: Moment,
    isEnabled: Flag(true),
  })
  .transform(({ status, cooldownUntil, isEnabled }): HandFields => ({
    status,
    cooldownUntilMs: cooldownUntil,
    enabled: isEnabled,
  }));

const InARow = z.object({ failures: Count, rateLimits: Count, errors: Count, unknownProbes: Count });

/** The field `broker` of a key: what this system keeps beside the fields that everybody knows. */
const Own = z
  .object({
    generation: z.coerce.bigint().default(NO_OWN_FIELDS.generation),
    endpoint: z.enum(['primary', 'backup']).default('primary'),
    isPaused: Flag(false),
    primaryRetryAt: Moment,
    inARow: InARow.default(NOTHING_IN_A_ROW),
    deniedModels: z.array(z.object({ model: z.string(), until: z.date() })).default([]),
    wrote: Hand.optional(),
  })
  .transform((own): OwnFields => ({
    generation: own.generation,
    endpoint: own.endpoint,
    paused: own.isPaused,
    primaryRetryAtMs: own.primaryRetryAt,
    inARow: own.inARow,
    deniedModels: new Map(own.deniedModels.map(({ model, until }) => [model, until.getTime()])),
    wrote: own.wrote,
  }))
  .catch(NO_OWN_FIELDS);

const Text = z.string().nullish().catch(undefined);

const KeyDocument = z.object({
  _id: Id,
  apiKey: z.string().min(1),
  lastError: Text,
  enableFailover: Flag(false),
  allowedModels: z.array(z.string()).nullish(),
  slots: Limit,
  requestsPerMinute: Limit,
  tokensPerMinute: Limit,
  replacedKey: Id.nullish().catch(undefined),
  createdAt: Moment,
  lastUsedAt: Moment,
  tokensUsed: Count,
  requestsCount: Count,
});

export interface Fault {
  readonly fault: string;
}

export interface KeyReading {
  readonly box: SecretBox;
  readonly config: KeyStateConfig;
  readonly nowMs: number;
}

/** The key, or what is wrong with its document: never anything of the secret. */
export function readKey(document: unknown, reading: KeyReading): StoredKey | Fault {
  const read = readMarkedKey(document, reading);
  return 'fault' in read ? read : read.key;
}

/** With the fields that people change by hand, as they are. */
export function readMarkedKey(
  document: unknown,
  { box, config, nowMs }: KeyReading,
): { readonly key: StoredKey; readonly hand: HandFields } | Fault {
  const parsed = KeyDocument.safeParse(document);
  const marks = readMarks(document);
  if (!parsed.success) return { fault: faultOf(parsed.error) };
  if ('fault' in marks) return marks;
  const { data } = parsed;
  const opened = openSecret(data.apiKey, box);
  if (typeof opened !== 'string') return opened;
  const key: StoredKey = {
    id: data._id,
    secret: opened,
    state: {
      ...stateOf(marks.hand, marks.own, { config, nowMs }),
      enableFailover: data.enableFailover,
      lastError: data.lastError ?? undefined,
    },
    terms: termsOf(data),
    replacedKey: data.replacedKey ?? undefined,
    createdAtMs: data.createdAt ?? 0,
    lastUsedAtMs: data.lastUsedAt,
    tokensUsed: data.tokensUsed,
    requestsCount: data.requestsCount,
    changedByHand: changedByHand(marks.hand, marks.own.wrote),
  };
  return { key, hand: marks.hand };
}

/** What a rotation needs of a key, its secret as it is stored. */
export function readRotatingKey(document: unknown): RotatingKey | Fault {
  const parsed = KeyDocument.safeParse(document);
  if (!parsed.success) return { fault: faultOf(parsed.error) };
  const { data } = parsed;
  return { id: data._id, apiKey: data.apiKey, replacedKey: data.replacedKey ?? undefined, terms: termsOf(data) };
}

export interface Marks {
  readonly hand: HandFields;
  readonly own: OwnFields;
}

/** The fields by which a change by hand is told from this system's own. */
export function readMarks(document: unknown): Marks | Fault {
  const hand = Hand.safeParse(document);
  if (!hand.success) return { fault: faultOf(hand.error) };
  return { hand: hand.data, own: readOwn(document) };
}

// made once: to make a schema costs more than to parse with it
const WithOwn = z.object({ broker: Own }).catch({ broker: NO_OWN_FIELDS });

export function readOwn(document: unknown): OwnFields {
  return WithOwn.parse(document).broker;
}

/** In the field `broker`: each write of this system's own changes it, and so is known by it where changes are watched. */
export function ownMark(): { readonly write: ObjectId } {
  return { write: new ObjectId() };
}

/** The fields of a state, as they are written into the document of a key that exists or is made. */
export function stateFields(state: KeyState): Record<string, unknown> {
  const hand = { status: state.status, cooldownUntil: toDate(state.cooldownUntilMs), isEnabled: state.enabled };
  return {
    ...hand,
    lastError: state.lastError ?? null,
    broker: {
      ...ownMark(),
      generation: Long.fromBigInt(state.generation),
      endpoint: state.endpoint,
      isPaused: state.paused,
      primaryRetryAt: toDate(state.primaryRetryAtMs),
      inARow: state.inARow,
      deniedModels: [...state.deniedModels].map(([model, untilMs]) => ({ model, until: new Date(untilMs) })),
      wrote: hand,
    },
  };
}

/** Of the terms that are given, those to be written and those that go back to their default. */
export function termsFields(terms: Partial<KeyTerms>): {
  readonly set: Record<string, unknown>;
  readonly unset: readonly string[];
} {
  const entries = Object.entries(terms);
  return {
    set: Object.fromEntries(entries.filter(([, value]) => value !== undefined)),
    unset: entries.filter(([, value]) => value === undefined).map(([name]) => name),
  };
}

export interface NewKeyFields {
  readonly id: string;
  /** As it is to be stored. */
  readonly apiKey: string;
  readonly terms: Partial<KeyTerms>;
  readonly state: KeyState;
  readonly replacedKey?: string;
  readonly nowMs: number;
}

/** A document with every field that older systems expect. */
export function newKeyDocument({ id, apiKey, terms, state, replacedKey, nowMs }: NewKeyFields): {
  readonly _id: string;
  readonly [field: string]: unknown;
} {
  return {
    _id: id,
    apiKey,
    tokensUsed: 0,
    requestsCount: 0,
    createdAt: new Date(nowMs),
    lastUsedAt: null,
    enableFailover: false,
    ...termsFields(terms).set,
    ...(replacedKey !== undefined && { replacedKey }),
    ...stateFields(state),
  };
}

export function openSecret(stored: string, box: SecretBox): string | Fault {
  try {
    return box.open(stored);
  } catch (error) {
    return { fault: `apiKey: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function termsOf(data: z.output<typeof KeyDocument>): KeyTerms {
  const { enableFailover, allowedModels, slots, requestsPerMinute, tokensPerMinute } = data;
  const isRestricted = allowedModels !== undefined && allowedModels !== null && allowedModels.length > 0;
  return {
    enableFailover,
    allowedModels: isRestricted ? allowedModels : undefined,
    slots,
    requestsPerMinute,
    tokensPerMinute,
  };
}
