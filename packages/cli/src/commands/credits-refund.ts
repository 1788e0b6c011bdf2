import { accountsAdminV1 } from '@omg/proto-gen';
import { administer } from '../admin/account-commands.ts';
import { writeEntry } from '../admin/define-credit.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { REASON, readReason } from '../options/credit-options.ts';
import { readUsd } from '../options/usd-option.ts';

export const creditsRefund = defineCommand({
  name: 'credits refund',
  summary: 'gives back what a request cost, or a part of it; once for each request',
  operands: ['request id'],
  options: {
    usd: { type: 'string', value: 'AMOUNT', summary: 'how much (default: all that it cost)' },
    ...REASON,
    ...ACTOR,
  },
  examples: [
    'omg credits refund 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11 --reason broken-stream',
    'omg credits refund 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11 --usd 0.01 --reason goodwill',
  ],
  async run(context, args) {
    const request = {
      requestId: args.operand(0),
      kind: accountsAdminV1.CreditKind.REFUND,
      nanoUsd: readUsd(args, 'usd'),
      reason: readReason(args),
      actor: actorOf(args),
    };
    const { entry } = await administer(context, async (client, call) => await client.refundRequest(request, call));
    await writeEntry(context, entry);
  },
});
