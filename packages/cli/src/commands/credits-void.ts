import { accountsAdminV1 } from '@omg/proto-gen';
import { administer } from '../admin/account-commands.ts';
import { writeEntry } from '../admin/define-credit.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { REASON, readReason } from '../options/credit-options.ts';

export const creditsVoid = defineCommand({
  name: 'credits void',
  summary: 'takes back the charge of a request that should not have been charged',
  operands: ['request id'],
  options: { ...REASON, ...ACTOR },
  examples: ['omg credits void 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11 --reason wrong-price'],
  async run(context, args) {
    const request = {
      requestId: args.operand(0),
      kind: accountsAdminV1.CreditKind.VOID,
      reason: readReason(args),
      actor: actorOf(args),
    };
    const { entry } = await administer(context, async (client, call) => await client.refundRequest(request, call));
    await writeEntry(context, entry);
  },
});
