import { keyAdminV1 } from '@omg/proto-gen';
import { defineKeyOperation } from '../admin/define-key-operation.ts';

export const upstreamKeysReset = defineKeyOperation({
  verb: 'reset',
  summary: 'forgets errors and cooldowns of keys: healthy, at the primary endpoint',
  examples: ['omg upstream-keys reset key-1', 'omg upstream-keys reset key-1 key-2 --provider ohmygpt'],
  operation: () => keyAdminV1.KeyOperation.RESET,
});
