import type { keyBrokerV1 } from '@omg/proto-gen';
import type { PoolOutcome } from '../domain/pool/pool-types.ts';
import { fromOutcomeCause } from './outcome-cause.ts';

export function fromHolderOutcome(outcome: keyBrokerV1.HolderOutcome): PoolOutcome {
  const { keyId, generation, endpoint, proxyId, probeId, retryAfterMs, model, message, status, errorWords } = outcome;
  return {
    keyId,
    generation,
    endpoint: endpoint === 'backup' ? 'backup' : 'primary',
    proxyId: proxyId === '' ? undefined : proxyId,
    cause: fromOutcomeCause(outcome.cause) ?? 'cancelled',
    status,
    errorWords,
    ...(probeId !== undefined && { probeId: Number(probeId) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(model !== '' && { model }),
    ...(message !== '' && { message }),
  };
}
