import { accountsAdminV1 } from '@omg/proto-gen';
import { defineClientKeyOperation } from '../admin/define-client-key-operation.ts';

export const keysRevoke = defineClientKeyOperation({
  verb: 'revoke',
  summary: 'ends client keys for good',
  examples: ['omg keys revoke acme-ci', 'omg keys revoke acme-ci acme-laptop --yes'],
  operation: accountsAdminV1.ClientKeyOperation.REVOKE,
});
