import type { AnyBulkWriteOperation, ClientSession } from 'mongodb';
import type { HistoryRecord, KeyUse, UsePosition } from '../app/pool-store.ts';
import type { KeyState } from '../domain/key-state.ts';
import type { ProxyHealth } from '../domain/proxy-health.ts';
import { z } from 'zod';
import { readNumber } from './field-schemas.ts';
import { changedByHand, type HandFields } from './hand-changes.ts';
import { writeHistory } from './key-history.ts';
import { oneOf, type Documents, type StoredDocument } from './pool-collections.ts';
import type { PoolContext } from './pool-context.ts';
import { sealPlain } from './seal-plain.ts';
import { ownMark, readMarks, stateFields } from './stored-key.ts';
import { healthFields, proxyStatus, readProxy } from './stored-proxy.ts';

export interface StateChanges {
  readonly states: readonly { readonly id: string; readonly state: KeyState }[];
  readonly history: readonly HistoryRecord[];
}

/** `seen`: the hand fields that the pool was told of. What somebody has changed since is not written over. */
export async function writeStates(
  context: PoolContext,
  { states, history }: StateChanges,
  seen: ReadonlyMap<string, HandFields>,
): Promise<readonly string[]> {
  const { keys } = context.collections;
  // what is gone was deleted by what made it so
  const alive = new Map(states.flatMap(({ id, state }) => (state.status === 'gone' ? [] : [[id, state] as const])));
  const ids = [...alive.keys()];
  return await context.transaction(async (session) => {
    const projection = { status: 1, cooldownUntil: 1, isEnabled: 1, broker: 1 };
    const documents = await keys.find({ _id: oneOf(ids) }, { session, projection }).toArray();
    const kept = documents.filter((document) => isNews(document, seen));
    const writes = documents.flatMap((document): AnyBulkWriteOperation<StoredDocument>[] => {
      const state = alive.get(String(document._id));
      if (state === undefined || kept.includes(document)) return [];
      return [{ updateOne: { filter: { _id: document._id }, update: { $set: stateFields(state) } } }];
    });
    await sealPlain(context, { documents: keys, field: 'apiKey', ids }, session);
    if (writes.length > 0) await keys.bulkWrite(writes, { session });
    await writeHistory(context, history, session);
    return kept.map(({ _id }) => String(_id));
  });
}

/** Changed by hand since the pool was told of it; what was there before this system's first write is none. */
function isNews(document: StoredDocument, seen: ReadonlyMap<string, HandFields>): boolean {
  const marks = readMarks(document);
  if ('fault' in marks) return true;
  const { hand, own } = marks;
  const told = seen.get(String(document._id));
  if (told !== undefined && !changedByHand(hand, told)) return false;
  return own.wrote !== undefined ? changedByHand(hand, own.wrote) : told !== undefined;
}

const Position = z.object({ incarnation: z.string(), seq: z.unknown().transform(readNumber) });

export function readUsePosition(fence: unknown): UsePosition | undefined {
  const parsed = z.object({ usePosition: Position }).safeParse(fence);
  if (!parsed.success) return undefined;
  const { incarnation, seq } = parsed.data.usePosition;
  return seq === undefined ? undefined : { incarnation, seq };
}

/** The position is in the fence document, so it is moved by the very transaction that counts. */
export async function addUse(
  context: PoolContext,
  {
    fences,
    uses,
    position,
  }: { readonly fences: Documents; readonly uses: readonly KeyUse[]; readonly position: UsePosition },
): Promise<void> {
  const { keys, archive } = context.collections;
  await context.transaction(async (session) => {
    const fence = await fences.findOneAndUpdate(
      { _id: context.provider },
      { $set: { usePosition: position } },
      { session, returnDocument: 'before' },
    );
    const reached = readUsePosition(fence);
    if (reached?.incarnation === position.incarnation && reached.seq >= position.seq) {
      await fences.updateOne({ _id: context.provider }, { $set: { usePosition: reached } }, { session });
      return;
    }
    if (uses.length === 0) return;
    await sealPlain(context, { documents: keys, field: 'apiKey', ids: uses.map(({ keyId }) => keyId) }, session);
    const writes = uses.map((use) => ({ updateOne: useOf(use) }));
    const { matchedCount } = await keys.bulkWrite(writes, { session, ordered: false });
    // of a key that was rotated away meanwhile: it may come back
    if (matchedCount < uses.length) await archive.bulkWrite(writes, { session, ordered: false });
  });
}

/** By expressions: numbers and dates of older systems may be text or missing, where `$inc` would fail for ever. */
function useOf({ keyId, tokens, requests, lastUsedAtMs }: KeyUse): {
  readonly filter: object;
  readonly update: object[];
} {
  const sum = (field: string, add: number): object => ({
    $add: [{ $toLong: { $convert: { input: field, to: 'double', onError: 0, onNull: 0 } } }, { $toLong: add }],
  });
  const before = { $convert: { input: '$lastUsedAt', to: 'date', onError: null, onNull: null } };
  return {
    filter: { _id: oneOf([keyId]), apiKey: { $exists: true } },
    update: [
      {
        $set: {
          tokensUsed: sum('$tokensUsed', tokens),
          requestsCount: sum('$requestsCount', requests),
          lastUsedAt: { $max: [before, new Date(lastUsedAtMs)] },
          'broker.write': ownMark().write,
        },
      },
    ],
  };
}

export async function writeProxyHealth(context: PoolContext, proxyId: string, health: ProxyHealth): Promise<void> {
  const { proxies } = context.collections;
  await context.transaction(async (session) => {
    const document = await proxies.findOne({ _id: oneOf([proxyId]) }, { session });
    if (document === null) return;
    const proxy = readProxy(document, context.box);
    // another pool's opinion that cannot be read is none
    const before = 'fault' in proxy ? {} : proxy.health;
    const after = { ...before, [context.provider]: health };
    await sealPlain(context, { documents: proxies, field: 'password', ids: [proxyId] }, session);
    await proxies.updateOne(
      { _id: document._id },
      {
        $set: {
          health: Object.fromEntries(Object.entries(after).map(([name, of]) => [name, healthFields(of)])),
          status: proxyStatus(Object.values(after)),
          broker: ownMark(),
        },
      },
      { session },
    );
  });
}

export async function addHolder({ transaction, ...context }: PoolContext, epoch: string): Promise<void> {
  const { provider, collections, nowMs } = context;
  await transaction(async (session) => {
    await collections.holders.updateOne(
      { _id: `${provider}/${epoch}` },
      { $setOnInsert: { provider, epoch, since: new Date(nowMs()) } },
      { session, upsert: true },
    );
  });
}

export async function removeHolders(
  { transaction, provider, collections }: PoolContext,
  epochs: readonly string[],
): Promise<void> {
  if (epochs.length === 0) return;
  await transaction(async (session: ClientSession) => {
    await collections.holders.deleteMany({ _id: { $in: epochs.map((epoch) => `${provider}/${epoch}`) } }, { session });
  });
}
