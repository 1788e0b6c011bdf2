import { administer, describeKey } from '../admin/account-commands.ts';
import { answered } from '../admin/answered.ts';
import { defineCommand } from '../command.ts';

export const keysShow = defineCommand({
  name: 'keys show',
  summary: 'everything that is known of one client key, its secret apart',
  operands: ['key id'],
  options: {},
  examples: ['omg keys show acme-ci', 'omg keys show acme-ci --json | jq .usable'],
  async run(context, args) {
    const clientKeyId = args.operand(0);
    const { key } = await administer(context, async (client, call) => await client.getClientKey({ clientKeyId }, call));
    await describeKey(context, answered(key));
  },
});
