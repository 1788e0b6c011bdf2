import { quotaV1 } from '@omg/proto-gen';
import { DIMENSIONS, type Amounts, type HolderMessage, type OwnerMessage } from '@omg/quota';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHolderMessage, toHolderMessage } from './holder-message-codec.ts';
import { fromOwnerMessage, toOwnerMessage } from './owner-message-codec.ts';

const count = fc.maxSafeNat();
const anyAmount = fc.maxSafeInteger();
const ms = fc.nat({ max: 0xffff_ffff });
const scope = fc.string();
const dimension = fc.constantFrom(...DIMENSIONS);
const amounts: fc.Arbitrary<Amounts> = fc.record(
  { requests: anyAmount, tokens: anyAmount, slots: anyAmount, nanoUsd: anyAmount },
  { requiredKeys: [], noNullPrototype: true },
);
const report = {
  opened: count,
  ended: count,
  states: fc.array(
    fc.record({
      scope,
      received: amounts,
      charged: amounts,
      unspent: amounts,
      committed: amounts,
      uncharged: amounts,
      used: fc.array(fc.record({ dimension, ageMs: ms, amount: count })),
      overdraft: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
};
const choice = fc.record({ kind: fc.string(), exclude: fc.array(fc.string()) });

const holderMessages: { readonly [K in HolderMessage['kind']]: fc.Arbitrary<Extract<HolderMessage, { kind: K }>> } = {
  hello: fc.record({ kind: fc.constant('hello'), ref: count, epoch: fc.string(), ...report }),
  state: fc.record({ kind: fc.constant('state'), ref: count, ...report }),
  return: fc.record({ kind: fc.constant('return'), ref: count, ...report }),
  take: fc.record({
    kind: fc.constant('take'),
    ref: count,
    scopes: fc.array(
      fc.record(
        { scope, need: amounts, want: amounts, typicalNanoUsd: count, choice },
        { requiredKeys: ['scope', 'need'], noNullPrototype: true },
      ),
    ),
  }),
};

const ownerMessages: { readonly [K in OwnerMessage['kind']]: fc.Arbitrary<Extract<OwnerMessage, { kind: K }>> } = {
  welcome: fc.record({ kind: fc.constant('welcome'), ttlMs: ms, holders: fc.nat(), upTo: count, seen: count }),
  grant: fc.record({
    kind: fc.constant('grant'),
    ref: count,
    ttlMs: ms,
    overdraft: fc.boolean(),
    scopes: fc.array(fc.record({ scope, add: amounts, version: count, offline: amounts, left: amounts })),
  }),
  deny: fc.record({
    kind: fc.constant('deny'),
    ref: count,
    reason: fc.constantFrom('limit', 'unavailable'),
    scope,
    dimension: fc.option(dimension, { nil: undefined }),
    retryAfterMs: fc.option(ms, { nil: undefined }),
    affordable: anyAmount,
  }),
  recall: fc.record({ kind: fc.constant('recall'), scope, dimensions: fc.array(dimension) }),
  changed: fc.record({ kind: fc.constant('changed'), scope, version: count }),
  committed: fc.record({ kind: fc.constant('committed'), upTo: count }),
};

const overWire =
  <T>(type: { encode: (value: T) => { finish: () => Uint8Array }; decode: (bytes: Uint8Array) => T }) =>
  (value: T): T =>
    type.decode(type.encode(value).finish());

test('whatever a holder says, the owner hears as it was meant', () => {
  fc.assert(
    fc.property(fc.oneof(...Object.values(holderMessages)), (message) => {
      expect(toHolderMessage(overWire(quotaV1.HolderMessage)(fromHolderMessage(message)))).toEqual(message);
    }),
  );
});

test('whatever an owner says, the holder hears as it was meant', () => {
  fc.assert(
    fc.property(fc.oneof(...Object.values(ownerMessages)), (message) => {
      expect(toOwnerMessage(overWire(quotaV1.OwnerMessage)(fromOwnerMessage(message)))).toEqual(message);
    }),
  );
});

test('no limit, fractions and what passes the wire are told so that nothing is used twice', () => {
  const state = { scope: 's', received: {}, charged: {}, unspent: {}, committed: {}, uncharged: {}, overdraft: false };
  const used = [{ dimension: 'tokens', ageMs: 1.9, amount: 3 }] as const;
  const said = fromHolderMessage({ kind: 'state', ref: 1, opened: 0, ended: 0, states: [{ ...state, used }] });
  expect(toHolderMessage(said)).toMatchObject({ states: [{ used: [{ ageMs: 1 }] }] });
  const scopes = [{ scope: 's', add: { slots: 1 }, version: 1, offline: { slots: Infinity } }];
  expect(
    toOwnerMessage(fromOwnerMessage({ kind: 'grant', ref: 1, ttlMs: 9.9, overdraft: false, scopes })),
  ).toMatchObject({
    ttlMs: 9,
    scopes: [{ offline: { slots: Number.MAX_SAFE_INTEGER } }],
  });
  const denial = { kind: 'deny', ref: 1, reason: 'limit', scope: 's', dimension: 'slots', affordable: -1.5 } as const;
  expect(toOwnerMessage(fromOwnerMessage({ ...denial, retryAfterMs: 0.2 }))).toMatchObject({
    retryAfterMs: 1,
    affordable: -2,
  });
});

test('what a newer peer says is not understood, and harms nobody', () => {
  expect(toOwnerMessage({ message: undefined })).toBeUndefined();
  expect(toHolderMessage({ ref: 1n, message: undefined })).toBeUndefined();
  const dimensions = [quotaV1.Dimension.UNRECOGNIZED, quotaV1.Dimension.SLOTS];
  expect(toOwnerMessage({ message: { $case: 'recall', value: { scope: 's', dimensions } } })).toEqual({
    kind: 'recall',
    scope: 's',
    dimensions: ['slots'],
  });
});
