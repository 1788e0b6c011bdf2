import { defineCommand } from '../command.ts';
import { writeRows } from '../output/pages.ts';
import { withNulls } from '../output/with-nulls.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { backupKeyColumns } from '../views/backup-key.ts';

export const backupKeysList = defineCommand({
  name: 'backup-keys list',
  summary: 'the keys in reserve, and those that have taken a place and can give it back',
  operands: [],
  options: { ...ONE_PROVIDER, unused: { type: 'boolean', summary: 'only those that are left' } },
  examples: [
    'omg backup-keys list',
    `omg backup-keys list --provider ohmygpt --json | jq -r 'select(.used) | .usedFor'`,
    'omg backup-keys list --unused',
  ],
  async run(context, args) {
    const unused = args.flag('unused');
    const { provider, admin } = await openPool(context, args);
    const { backupKeys } = await admin.call(
      async (client, call) => await client.listBackupKeys({ provider, unused }, call),
    );
    const view = { columns: backupKeyColumns(Date.now()), toJson: withNulls, none: 'There is no backup key.' };
    await writeRows(context, backupKeys, view);
  },
});
