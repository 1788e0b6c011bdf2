import type { quotaV1 } from '@omg/proto-gen';
import type { HolderMessage, ScopeState, TakeScope, Use } from '@omg/quota';
import { fromAmounts, fromDimension, toAmounts, toDimension } from './amounts-codec.ts';
import { fromCount, fromMs, toCount } from './numbers.ts';

type Report = Pick<Extract<HolderMessage, { kind: 'state' }>, 'opened' | 'ended' | 'states'>;

/** A holder's message as it goes over the wire. */
export function fromHolderMessage(message: HolderMessage): quotaV1.HolderMessage {
  return { ref: fromCount(message.ref), message: contentOf(message) };
}

function contentOf(message: HolderMessage): NonNullable<quotaV1.HolderMessage['message']> {
  switch (message.kind) {
    case 'hello':
      return { $case: 'hello', value: { epoch: message.epoch, state: fromReport(message) } };
    case 'take':
      return { $case: 'take', value: { scopes: message.scopes.map(fromTakeScope) } };
    case 'state':
      return { $case: 'state', value: fromReport(message) };
    case 'return':
      return { $case: 'return', value: fromReport(message) };
  }
}

/** Undefined: a kind of message that this side does not know, or one that lacks what it cannot do without. */
export function toHolderMessage(wire: quotaV1.HolderMessage): HolderMessage | undefined {
  const ref = toCount(wire.ref);
  switch (wire.message?.$case) {
    case 'hello': {
      const { epoch, state } = wire.message.value;
      return state === undefined ? undefined : { kind: 'hello', ref, epoch, ...toReport(state) };
    }
    case 'take':
      return { kind: 'take', ref, scopes: wire.message.value.scopes.map(toTakeScope) };
    case 'state':
      return { kind: 'state', ref, ...toReport(wire.message.value) };
    case 'return':
      return { kind: 'return', ref, ...toReport(wire.message.value) };
    case undefined:
      return undefined;
  }
}

function fromReport({ opened, ended, states }: Report): quotaV1.State {
  return { opened: fromCount(opened), ended: fromCount(ended), scopes: states.map(fromScopeState) };
}

function toReport({ opened, ended, scopes }: quotaV1.State): Report {
  return { opened: toCount(opened), ended: toCount(ended), states: scopes.map(toScopeState) };
}

function fromScopeState(state: ScopeState): quotaV1.ScopeState {
  return {
    scope: state.scope,
    received: fromAmounts(state.received),
    charged: fromAmounts(state.charged),
    unspent: fromAmounts(state.unspent),
    committed: fromAmounts(state.committed),
    uncharged: fromAmounts(state.uncharged),
    used: state.used.map(({ dimension, ageMs, amount }) => ({
      dimension: fromDimension(dimension),
      // rather younger than it is: it counts for longer then
      ageMs: fromMs(ageMs, Math.floor),
      amount: fromCount(amount),
    })),
    overdraft: state.overdraft,
  };
}

function toScopeState(wire: quotaV1.ScopeState): ScopeState {
  return {
    scope: wire.scope,
    received: toAmounts(wire.received),
    charged: toAmounts(wire.charged),
    unspent: toAmounts(wire.unspent),
    committed: toAmounts(wire.committed),
    uncharged: toAmounts(wire.uncharged),
    used: wire.used.flatMap(toUse),
    overdraft: wire.overdraft,
  };
}

function toUse(wire: quotaV1.Use): Use[] {
  const dimension = toDimension(wire.dimension);
  return dimension === undefined ? [] : [{ dimension, ageMs: wire.ageMs, amount: toCount(wire.amount) }];
}

function fromTakeScope({ scope, need, want, typicalNanoUsd, choice }: TakeScope): quotaV1.TakeScope {
  return {
    scope,
    need: fromAmounts(need),
    want: want === undefined ? undefined : fromAmounts(want),
    typicalNanoUsd: typicalNanoUsd === undefined ? undefined : fromCount(typicalNanoUsd),
    choice,
  };
}

function toTakeScope({ scope, need, want, typicalNanoUsd, choice }: quotaV1.TakeScope): TakeScope {
  return {
    scope,
    need: toAmounts(need),
    ...(want !== undefined && { want: toAmounts(want) }),
    ...(typicalNanoUsd !== undefined && { typicalNanoUsd: toCount(typicalNanoUsd) }),
    ...(choice !== undefined && { choice }),
  };
}
