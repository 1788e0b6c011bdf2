import { keyAdminV1 } from '@omg/proto-gen';
import { defineKeyOperation } from '../admin/define-key-operation.ts';
import { YES } from '../options/confirm.ts';

export const upstreamKeysRotate = defineKeyOperation({
  verb: 'rotate',
  summary: 'gives the place and the bindings of keys to backup keys; prints those',
  options: YES,
  examples: ['omg upstream-keys rotate key-1', 'omg upstream-keys rotate key-1 key-2 --provider ohmygpt --yes'],
  operation: () => keyAdminV1.KeyOperation.ROTATE,
});
