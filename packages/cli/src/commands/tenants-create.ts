import { accountsAdminV1 } from '@omg/proto-gen';
import { administer, writeTenants } from '../admin/account-commands.ts';
import { answered } from '../admin/answered.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { readWord } from '../options/word-option.ts';
import { TENANT_TYPES } from '../views/account.ts';

export const tenantsCreate = defineCommand({
  name: 'tenants create',
  summary: 'makes a tenant, without keys and without credits',
  operands: ['tenant id'],
  options: {
    name: { type: 'string', value: 'NAME', summary: 'what people call it (default: its id)' },
    type: { type: 'string', value: 'TYPE', summary: 'organization (default) or personal' },
    ...ACTOR,
  },
  examples: ['omg tenants create acme --name Acme', 'omg tenants create alice --type personal'],
  async run(context, args) {
    const tenantId = args.operand(0);
    const request = {
      tenantId,
      name: args.string('name') ?? tenantId,
      type: readWord(args, 'type', TENANT_TYPES) ?? accountsAdminV1.TenantType.ORGANIZATION,
      actor: actorOf(args),
    };
    const { tenant } = await administer(context, async (client, call) => await client.createTenant(request, call));
    await writeTenants(context, [answered(tenant)]);
  },
});
