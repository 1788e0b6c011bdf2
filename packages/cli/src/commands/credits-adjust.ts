import { accountsAdminV1 } from '@omg/proto-gen';
import { defineCredit } from '../admin/define-credit.ts';
import { readWord } from '../options/word-option.ts';

const { Purse } = accountsAdminV1;

const PURSES: Record<accountsAdminV1.Purse, string> = {
  [Purse.CREDITS]: 'credits',
  [Purse.REF_CREDITS]: 'refCredits',
  [Purse.UNSPECIFIED]: 'unknown',
  [Purse.UNRECOGNIZED]: 'unknown',
};

export const creditsAdjust = defineCredit({
  verb: 'adjust',
  summary: 'puts a purse right: gives or takes',
  amount: 'how much; to take, write --usd=-5',
  options: { purse: { type: 'string', value: 'PURSE', summary: 'credits (default) or refCredits' } },
  examples: [
    'omg credits adjust acme --usd=-5 --reason mistyped',
    'omg credits adjust acme --usd 2.50 --purse refCredits --reason forgotten',
  ],
  kind: accountsAdminV1.CreditKind.ADJUST,
  purse: (args) => readWord(args, 'purse', PURSES) ?? Purse.CREDITS,
});
