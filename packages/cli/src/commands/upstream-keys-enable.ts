import { keyAdminV1 } from '@omg/proto-gen';
import { defineKeyOperation } from '../admin/define-key-operation.ts';

export const upstreamKeysEnable = defineKeyOperation({
  verb: 'enable',
  summary: 'lets keys be leased again; also ends a pause',
  examples: ['omg upstream-keys enable key-1', 'omg upstream-keys enable key-1 key-2 --provider ohmygpt'],
  operation: () => keyAdminV1.KeyOperation.ENABLE,
});
