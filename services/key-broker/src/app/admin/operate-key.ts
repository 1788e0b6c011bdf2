import { OmgError } from '@omg/errors';
import type { OperatorEvent } from '../../domain/key-event.ts';
import { existingKey, type AdminDeps } from './admin-deps.ts';
import { makeKeyReporter, type KeyReport } from './key-report.ts';

export type KeyOperation = 'enable' | 'disable' | 'disable_now' | 'pause' | 'reset' | 'rotate';

export interface OperateKeyInput {
  readonly provider: string;
  readonly keyId: string;
  readonly operation: KeyOperation;
  readonly actor: string;
}

/** The key as it is then; after a rotation the one that took its place. */
export function makeOperateKey({ offices, clock }: AdminDeps): (input: OperateKeyInput) => Promise<KeyReport> {
  return async ({ provider, keyId, operation, actor }) => {
    const office = offices.get(provider);
    existingKey(office, keyId);
    const result = await office.operate(keyId, toEvent(operation, actor));
    if (result.refused !== undefined) {
      throw new OmgError(
        'failed_precondition',
        `${keyId} stays: ${provider} has no unused backup key to take its place; add one first`,
      );
    }
    // the key that took its place is not known before it was read
    if (result.keyId !== keyId) await office.refresh();
    return makeKeyReporter(office, clock.nowMs())(existingKey(office, result.keyId));
  };
}

function toEvent(operation: KeyOperation, actor: string): OperatorEvent {
  if (operation === 'disable_now') return { type: 'disable', abort: true, actor };
  return { type: operation, actor };
}
