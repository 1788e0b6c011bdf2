import { accountsAdminV1 } from '@omg/proto-gen';
import { defineCredit } from '../admin/define-credit.ts';

export const creditsGrant = defineCredit({
  verb: 'grant',
  summary: 'gives a tenant refCredits, which are spent when credits are used up',
  amount: 'how much',
  examples: ['omg credits grant alice --usd 5 --reason welcome'],
  kind: accountsAdminV1.CreditKind.GRANT,
});
