import { administer } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { writePages } from '../output/pages.ts';
import { limitOptions, readLimit } from '../options/limit-options.ts';
import { CREDIT_COLUMNS, creditToJson } from '../views/account.ts';

const USUAL_LIMIT = 20;
const PAGE_SIZE = 500;

export const creditsList = defineCommand({
  name: 'credits list',
  summary: 'what was given to a tenant, by whom and why; newest first',
  operands: ['tenant id'],
  options: limitOptions('entries', USUAL_LIMIT),
  examples: ['omg credits list acme', 'omg credits list acme --all --json'],
  async run(context, args) {
    const tenantId = args.operand(0);
    await writePages(context, {
      limit: readLimit(args, USUAL_LIMIT),
      pageSize: PAGE_SIZE,
      columns: CREDIT_COLUMNS,
      toJson: creditToJson,
      none: 'Nothing was given yet.',
      load: async (page) => {
        const { entries, nextPageToken } = await administer(
          context,
          async (client, call) => await client.listCredits({ tenantId, ...page }, call),
        );
        return { rows: entries, nextPageToken };
      },
    });
  },
});
