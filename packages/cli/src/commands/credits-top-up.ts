import { accountsAdminV1 } from '@omg/proto-gen';
import { defineCredit } from '../admin/define-credit.ts';

export const creditsTopUp = defineCredit({
  verb: 'top-up',
  summary: 'gives a tenant credits, which are spent first',
  amount: 'how much',
  examples: [
    'omg credits top-up acme --usd 50 --reason paid',
    'omg credits top-up acme --usd 50 --reason paid --id invoice-17',
  ],
  kind: accountsAdminV1.CreditKind.TOP_UP,
});
