import { accountsAdminV1 } from '@omg/proto-gen';
import { defineClientKeyOperation } from '../admin/define-client-key-operation.ts';

export const keysDisable = defineClientKeyOperation({
  verb: 'disable',
  summary: 'refuses client keys until they are enabled again',
  examples: ['omg keys disable acme-ci', 'omg keys disable acme-ci acme-laptop --actor abuse-desk'],
  operation: accountsAdminV1.ClientKeyOperation.DISABLE,
});
