import { clientKeyDigest, makeClientKey, maskClientKey } from '@omg/client-key';
import { MAX_GRACE_MS } from '../../domain/client-key-terms.ts';
import { existingKey, invalid, type AdminDeps } from './admin-deps.ts';
import type { MadeClientKey } from './create-client-key.ts';
import { keyToChange, refuseRevoked } from './edit-client-key.ts';
import { makeGetClientKey } from './list-client-keys.ts';

export interface RotateClientKeyInput {
  readonly clientKeyId: string;
  readonly graceMs: number;
  readonly actor: string;
}

/** Gives a key another secret; the one that it has works until the grace is over. */
export function makeRotateClientKey(deps: AdminDeps): (input: RotateClientKeyInput) => Promise<MadeClientKey> {
  return async ({ clientKeyId, graceMs, actor }) => {
    if (graceMs > MAX_GRACE_MS) invalid('a grace must be at most 30 days');
    const at = deps.clock.now();
    const { tenantId } = await existingKey(deps, clientKeyId);
    const secret = makeClientKey();
    const stored = { digest: clientKeyDigest(secret), ...maskClientKey(secret) };
    await deps.store.transaction(async (transaction) => {
      const before = await keyToChange(transaction, { tenantId, clientKeyId });
      if (before.status === 'revoked') refuseRevoked(clientKeyId);
      await transaction.setSecret(clientKeyId, stored, { now: at, graceMs });
      const endsAt = new Date(at.getTime() + graceMs).toISOString();
      await transaction.note({
        id: deps.makeId(),
        tenantId,
        clientKeyId,
        actor,
        what: 'key_rotated',
        fields: [
          { field: 'lastFour', from: before.lastFour, to: stored.lastFour },
          { field: 'earlierSecretEndsAt', from: '', to: endsAt },
        ],
        at,
      });
    });
    return { key: await makeGetClientKey(deps)(clientKeyId), secret };
  };
}
