import { keyAdminV1 } from '@omg/proto-gen';
import { defineKeyOperation } from '../admin/define-key-operation.ts';

export const upstreamKeysPause = defineKeyOperation({
  verb: 'pause',
  summary: 'leases keys no longer; what runs may end',
  examples: ['omg upstream-keys pause key-1', 'omg upstream-keys pause key-1 key-2 --provider ohmygpt'],
  operation: () => keyAdminV1.KeyOperation.PAUSE,
});
