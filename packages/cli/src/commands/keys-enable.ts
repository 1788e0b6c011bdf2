import { accountsAdminV1 } from '@omg/proto-gen';
import { defineClientKeyOperation } from '../admin/define-client-key-operation.ts';

export const keysEnable = defineClientKeyOperation({
  verb: 'enable',
  summary: 'lets disabled client keys be used again',
  examples: ['omg keys enable acme-ci'],
  operation: accountsAdminV1.ClientKeyOperation.ENABLE,
});
