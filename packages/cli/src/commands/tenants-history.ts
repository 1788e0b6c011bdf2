import type { accountsAdminV1 } from '@omg/proto-gen';
import { administer } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { NOTHING, formatTime } from '../output/format.ts';
import { writePages } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';

const USUAL_LIMIT = 20;
const PAGE_SIZE = 500;

const COLUMNS: readonly Column<accountsAdminV1.AccountChange>[] = [
  { title: 'TIME', value: ({ at }) => formatTime(at) },
  { title: 'KEY', value: ({ clientKeyId }) => clientKeyId || NOTHING, leaveOut: 2 },
  { title: 'WHAT', value: ({ what }) => what },
  { title: 'ACTOR', value: ({ actor }) => actor, leaveOut: 1 },
  {
    title: 'CHANGES',
    value: ({ fields }) =>
      fields.map(({ field, from, to }) => `${field}: ${from || NOTHING} -> ${to || NOTHING}`).join('; '),
  },
];

export const tenantsHistory = defineCommand({
  name: 'tenants history',
  summary: 'what was changed of a tenant and its keys, and by whom; newest first',
  operands: ['tenant id'],
  options: {
    key: { type: 'string', value: 'ID', summary: 'only of this client key' },
    ...limitOptions('changes', USUAL_LIMIT),
  },
  examples: ['omg tenants history acme', 'omg tenants history acme --key acme-ci --all --json'],
  async run(context, args) {
    const filter = { tenantId: args.operand(0), clientKeyId: args.string('key') ?? '' };
    await writePages(context, {
      limit: readLimit(args, USUAL_LIMIT),
      pageSize: PAGE_SIZE,
      columns: COLUMNS,
      toJson: withNulls,
      none: 'Nothing was changed yet.',
      load: async (page) => {
        const { changes, nextPageToken } = await administer(
          context,
          async (client, call) => await client.listAccountHistory({ ...filter, ...page }, call),
        );
        return { rows: changes, nextPageToken };
      },
    });
  },
});
