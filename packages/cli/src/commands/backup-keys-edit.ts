import { answered } from '../admin/write-keys.ts';
import { defineCommand } from '../command.ts';
import { writeRows } from '../output/pages.ts';
import { withNulls } from '../output/with-nulls.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { BACKUP_FAILOVER, requireChange } from '../options/key-terms-options.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { KEY_SOURCE, readKey } from '../options/secret-options.ts';
import { backupKeyColumns } from '../views/backup-key.ts';

export const backupKeysEdit = defineCommand({
  name: 'backup-keys edit',
  summary: 'changes a key of the reserve',
  operands: ['key id'],
  options: { ...ONE_PROVIDER, ...KEY_SOURCE, ...BACKUP_FAILOVER, ...ACTOR },
  examples: [
    'omg backup-keys edit spare-1 --failover off',
    'omg backup-keys edit spare-1 --provider ohmygpt --key-file key.txt',
  ],
  async run(context, args) {
    const [keyId, actor] = [args.operand(0), actorOf(args)];
    const fields = { enableFailover: args.onOff('failover'), apiKey: await readKey(context, args) };
    requireChange(fields, 'backup-keys edit');
    const { provider, admin } = await openPool(context, args);
    const { backupKey } = await admin.call(
      async (client, call) => await client.editBackupKey({ provider, keyId, ...fields, actor }, call),
    );
    const view = { columns: backupKeyColumns(Date.now()), toJson: withNulls, none: '' };
    await writeRows(context, [answered(backupKey)], view);
  },
});
