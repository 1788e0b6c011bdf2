import { accountsAdminV1 } from '@omg/proto-gen';
import { defineCommand, type Command } from '../command.ts';
import { writePages } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import type { ClientKeyView, TenantView } from '../views/account.ts';
import { administer } from './account-commands.ts';

const USUAL_LIMIT = 100;
const PAGE_SIZE = 1_000;

type Terms = Pick<TenantView, 'limits' | 'effectiveLimits' | 'budget'>;

/** A tenant or a client key, as far as both are the same. */
export interface AccountRow extends Terms {
  readonly id: string;
}

export interface AccountListSpec {
  readonly group: string;
  readonly summary: string;
  readonly columns: readonly Column<AccountRow>[];
  readonly toJson: (row: AccountRow) => object;
}

/** A command that lists something of all tenants, or of the keys of one. */
export function defineAccountList({ group, summary, columns, toJson }: AccountListSpec): Command {
  return defineCommand<string>({
    name: `${group} list`,
    summary,
    operands: [],
    options: {
      tenant: { type: 'string', value: 'ID', summary: 'of the client keys of this tenant, instead of all tenants' },
      ...limitOptions('of them', USUAL_LIMIT),
    },
    examples: [`omg ${group} list`, `omg ${group} list --tenant acme --all --json`],
    async run(context, args) {
      const tenantId = args.string('tenant');
      const title = tenantId === undefined ? 'TENANT' : 'KEY';
      await writePages<AccountRow>(context, {
        limit: readLimit(args, USUAL_LIMIT),
        pageSize: PAGE_SIZE,
        columns: [{ title, value: ({ id }) => id }, ...columns],
        toJson: (row) => withNulls({ [tenantId === undefined ? 'tenantId' : 'clientKeyId']: row.id, ...toJson(row) }),
        none: tenantId === undefined ? 'There is no tenant.' : 'The tenant has no client key.',
        load: async (page) =>
          await administer(context, async (client, call) => {
            if (tenantId === undefined) {
              const { TenantType, TenantStatus } = accountsAdminV1;
              const filter = { search: '', type: TenantType.UNSPECIFIED, status: TenantStatus.UNSPECIFIED };
              const { tenants, nextPageToken } = await client.listTenants({ ...filter, ...page }, call);
              return { rows: tenants.map(ofTenant), nextPageToken };
            }
            const filter = { tenantId, search: '', status: accountsAdminV1.ClientKeyStatus.UNSPECIFIED };
            const { keys, nextPageToken } = await client.listClientKeys({ ...filter, ...page }, call);
            return { rows: keys.map(ofKey), nextPageToken };
          }),
      });
    },
  });
}

function ofTenant({ tenantId: id, limits, effectiveLimits, budget }: TenantView): AccountRow {
  return { id, limits, effectiveLimits, budget };
}

function ofKey({ clientKeyId: id, limits, effectiveLimits, budget }: ClientKeyView): AccountRow {
  return { id, limits, effectiveLimits, budget };
}
