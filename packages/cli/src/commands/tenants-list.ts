import { accountsAdminV1 } from '@omg/proto-gen';
import { administer } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { writePages } from '../output/pages.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { readWord } from '../options/word-option.ts';
import { TENANT_COLUMNS, TENANT_STATUSES, TENANT_TYPES, tenantToJson } from '../views/account.ts';

const USUAL_LIMIT = 100;
const PAGE_SIZE = 1_000;

export const tenantsList = defineCommand({
  name: 'tenants list',
  summary: 'tenants by id, with what they have and what they spent',
  operands: [],
  options: {
    search: { type: 'string', value: 'TEXT', summary: 'only those with this in their id or name' },
    type: { type: 'string', value: 'TYPE', summary: 'only organization, personal or service' },
    status: { type: 'string', value: 'STATUS', summary: 'only active or suspended' },
    ...limitOptions('tenants', USUAL_LIMIT),
  },
  examples: [
    'omg tenants list',
    'omg tenants list --status suspended --all',
    `omg tenants list --all --json | jq -r 'select(.balanceNanoUsd < 0) | .tenantId'`,
  ],
  async run(context, args) {
    const filter = {
      search: args.string('search') ?? '',
      type: readWord(args, 'type', TENANT_TYPES) ?? accountsAdminV1.TenantType.UNSPECIFIED,
      status: readWord(args, 'status', TENANT_STATUSES) ?? accountsAdminV1.TenantStatus.UNSPECIFIED,
    };
    await writePages(context, {
      limit: readLimit(args, USUAL_LIMIT),
      pageSize: PAGE_SIZE,
      columns: TENANT_COLUMNS,
      toJson: tenantToJson,
      none: 'No tenant fits.',
      load: async (page) => {
        const { tenants, nextPageToken } = await administer(
          context,
          async (client, call) => await client.listTenants({ ...filter, ...page }, call),
        );
        return { rows: tenants, nextPageToken };
      },
    });
  },
});
