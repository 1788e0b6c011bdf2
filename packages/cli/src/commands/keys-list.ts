import { accountsAdminV1 } from '@omg/proto-gen';
import { administer } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { writePages } from '../output/pages.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { readWord } from '../options/word-option.ts';
import { KEY_COLUMNS, KEY_STATUSES, keyToJson } from '../views/account.ts';

const USUAL_LIMIT = 100;
const PAGE_SIZE = 1_000;

export const keysList = defineCommand({
  name: 'keys list',
  summary: 'client keys by id: whose they are, and whether they can be used',
  operands: [],
  options: {
    tenant: { type: 'string', value: 'ID', summary: 'only of this tenant' },
    search: { type: 'string', value: 'TEXT', summary: 'only those with this in their id or name' },
    status: { type: 'string', value: 'STATUS', summary: 'only enabled, disabled or revoked' },
    ...limitOptions('keys', USUAL_LIMIT),
  },
  examples: ['omg keys list --tenant acme', 'omg keys list --status disabled --all --json'],
  async run(context, args) {
    const filter = {
      tenantId: args.string('tenant') ?? '',
      search: args.string('search') ?? '',
      status: readWord(args, 'status', KEY_STATUSES) ?? accountsAdminV1.ClientKeyStatus.UNSPECIFIED,
    };
    await writePages(context, {
      limit: readLimit(args, USUAL_LIMIT),
      pageSize: PAGE_SIZE,
      columns: KEY_COLUMNS,
      toJson: keyToJson,
      none: 'No client key fits.',
      load: async (page) => {
        const { keys, nextPageToken } = await administer(
          context,
          async (client, call) => await client.listClientKeys({ ...filter, ...page }, call),
        );
        return { rows: keys, nextPageToken };
      },
    });
  },
});
