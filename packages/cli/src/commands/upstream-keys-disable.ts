import { keyAdminV1 } from '@omg/proto-gen';
import { defineKeyOperation } from '../admin/define-key-operation.ts';
import { YES } from '../options/confirm.ts';

export const upstreamKeysDisable = defineKeyOperation({
  verb: 'disable',
  summary: 'switches keys off; what runs may end, or is cut with --now',
  options: { now: { type: 'boolean', summary: 'cut what runs' }, ...YES },
  examples: ['omg upstream-keys disable key-1', 'omg upstream-keys disable key-1 key-2 --now --yes'],
  operation: (args) => keyAdminV1.KeyOperation[args.flag('now') ? 'DISABLE_NOW' : 'DISABLE'],
});
