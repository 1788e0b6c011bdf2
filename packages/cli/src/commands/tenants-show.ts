import { administer, describeTenant } from '../admin/account-commands.ts';
import { answered } from '../admin/answered.ts';
import { defineCommand } from '../command.ts';

export const tenantsShow = defineCommand({
  name: 'tenants show',
  summary: 'everything that is known of one tenant: money, limits, budget',
  operands: ['tenant id'],
  options: {},
  examples: ['omg tenants show demo', 'omg tenants show demo --json | jq .balanceNanoUsd'],
  async run(context, args) {
    const tenantId = args.operand(0);
    const { tenant } = await administer(context, async (client, call) => await client.getTenant({ tenantId }, call));
    await describeTenant(context, answered(tenant));
  },
});
