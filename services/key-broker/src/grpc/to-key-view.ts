import type { keyAdminV1 } from '@omg/proto-gen';
import type { BindingReport, KeyReport } from '../app/admin/key-report.ts';
import { maskKey } from '../domain/mask-key.ts';
import { toDate } from './to-date.ts';

export function toKeyView(report: KeyReport): keyAdminV1.KeyView {
  const { key, available, blockedBy, blockedUntilMs, slots, slotsInUse, route, bindings, deniedModels } = report;
  const { state, terms } = key;
  const maskedKey = maskKey(key.secret);
  return {
    keyId: key.id,
    maskedKey,
    status: state.status,
    enabled: state.enabled,
    paused: state.paused,
    available,
    blockedBy,
    blockedUntil: toDate(blockedUntilMs),
    generation: state.generation,
    endpoint: state.endpoint,
    slots,
    slotsInUse,
    requestsPerMinute: terms.requestsPerMinute,
    tokensPerMinute: terms.tokensPerMinute === undefined ? undefined : BigInt(terms.tokensPerMinute),
    allowedModels: terms.allowedModels ?? [],
    deniedModels: deniedModels.map(({ model, untilMs }) => ({ model, until: new Date(untilMs) })),
    enableFailover: terms.enableFailover,
    replacedKey: key.replacedKey ?? '',
    // an upstream may quote the key that it refuses
    lastError: (state.lastError ?? '').replaceAll(key.secret, maskedKey),
    tokensUsed: BigInt(Math.trunc(key.tokensUsed)),
    requestsCount: BigInt(Math.trunc(key.requestsCount)),
    createdAt: new Date(key.createdAtMs),
    lastUsedAt: toDate(key.lastUsedAtMs),
    bindings: bindings.map(toBindingView),
    route,
  };
}

export function toBindingView({ binding, orphaned }: BindingReport): keyAdminV1.BindingView {
  const { keyId, proxyId, priority, isActive, createdAtMs, updatedAtMs } = binding;
  return {
    keyId,
    proxyId,
    priority,
    active: isActive,
    orphaned,
    createdAt: new Date(createdAtMs),
    updatedAt: new Date(updatedAtMs),
  };
}
