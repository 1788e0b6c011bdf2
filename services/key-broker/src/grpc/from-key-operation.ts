import { OmgError } from '@omg/errors';
import type { keyAdminV1 } from '@omg/proto-gen';
import type { KeyOperation } from '../app/admin/operate-key.ts';

const OPERATIONS: Record<keyAdminV1.KeyOperation, KeyOperation | undefined> = {
  KEY_OPERATION_UNSPECIFIED: undefined,
  KEY_OPERATION_ENABLE: 'enable',
  KEY_OPERATION_DISABLE: 'disable',
  KEY_OPERATION_DISABLE_NOW: 'disable_now',
  KEY_OPERATION_PAUSE: 'pause',
  KEY_OPERATION_RESET: 'reset',
  KEY_OPERATION_ROTATE: 'rotate',
  UNRECOGNIZED: undefined,
};

export function fromKeyOperation(operation: keyAdminV1.KeyOperation): KeyOperation {
  const known = OPERATIONS[operation];
  if (known !== undefined) return known;
  throw new OmgError('invalid_argument', `name the operation: ${Object.values(OPERATIONS).filter(Boolean).join(', ')}`);
}
