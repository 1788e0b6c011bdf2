import type { quotaV1 } from '@omg/proto-gen';
import type { Deny, Grant, OwnerMessage } from '@omg/quota';
import { fromAmounts, fromDimension, toAmounts, toDimension } from './amounts-codec.ts';
import { fromCount, fromMs, toCount } from './numbers.ts';

/** An owner's message as it goes over the wire. */
export function fromOwnerMessage(message: OwnerMessage): quotaV1.OwnerMessage {
  return { message: contentOf(message) };
}

function contentOf(message: OwnerMessage): NonNullable<quotaV1.OwnerMessage['message']> {
  switch (message.kind) {
    case 'welcome': {
      const { ttlMs, holders, upTo, seen } = message;
      return {
        $case: 'welcome',
        value: { ttlMs: fromMs(ttlMs, Math.floor), holders, upTo: fromCount(upTo), seen: fromCount(seen) },
      };
    }
    case 'grant':
      return { $case: 'grant', value: fromGrant(message) };
    case 'deny':
      return { $case: 'deny', value: fromDeny(message) };
    case 'recall':
      return {
        $case: 'recall',
        value: { scope: message.scope, dimensions: message.dimensions.map(fromDimension) },
      };
    case 'changed':
      return { $case: 'changed', value: { id: message.scope, version: fromCount(message.version) } };
    case 'committed':
      return { $case: 'committedUpTo', value: fromCount(message.upTo) };
  }
}

/** Undefined: a kind of message that this side does not know. */
export function toOwnerMessage({ message }: quotaV1.OwnerMessage): OwnerMessage | undefined {
  switch (message?.$case) {
    case 'welcome': {
      const { ttlMs, holders, upTo, seen } = message.value;
      return { kind: 'welcome', ttlMs, holders, upTo: toCount(upTo), seen: toCount(seen) };
    }
    case 'grant':
      return toGrant(message.value);
    case 'deny':
      return toDeny(message.value);
    case 'recall': {
      const { scope, dimensions } = message.value;
      return { kind: 'recall', scope, dimensions: dimensions.flatMap((dimension) => toDimension(dimension) ?? []) };
    }
    case 'changed':
      return { kind: 'changed', scope: message.value.id, version: toCount(message.value.version) };
    case 'committedUpTo':
      return { kind: 'committed', upTo: toCount(message.value) };
    case undefined:
      return undefined;
  }
}

function fromGrant({ ref, ttlMs, overdraft, scopes }: Grant): quotaV1.Grant {
  return {
    ref: fromCount(ref),
    ttlMs: fromMs(ttlMs, Math.floor),
    overdraft,
    scopes: scopes.map(({ scope, add, version, offline, left }) => ({
      scope,
      add: fromAmounts(add),
      version: fromCount(version),
      offline: fromAmounts(offline),
      left: left === undefined ? undefined : fromAmounts(left),
    })),
  };
}

function toGrant({ ref, ttlMs, overdraft, scopes }: quotaV1.Grant): Grant {
  return {
    kind: 'grant',
    ref: toCount(ref),
    ttlMs,
    overdraft,
    scopes: scopes.map(({ scope, add, version, offline, left }) => ({
      scope,
      add: toAmounts(add),
      version: toCount(version),
      offline: toAmounts(offline),
      ...(left !== undefined && { left: toAmounts(left) }),
    })),
  };
}

function fromDeny({ ref, reason, scope, dimension, retryAfterMs, affordable }: Deny): quotaV1.Denial {
  return {
    ref: fromCount(ref),
    limit: reason === 'limit',
    scope,
    dimension: fromDimension(dimension),
    retryAfterMs: retryAfterMs === undefined ? undefined : fromMs(retryAfterMs, Math.ceil),
    affordable: fromCount(affordable),
  };
}

function toDeny({ ref, limit, scope, dimension, retryAfterMs, affordable }: quotaV1.Denial): Deny {
  return {
    kind: 'deny',
    ref: toCount(ref),
    reason: limit ? 'limit' : 'unavailable',
    scope,
    dimension: toDimension(dimension),
    retryAfterMs,
    affordable: toCount(affordable),
  };
}
