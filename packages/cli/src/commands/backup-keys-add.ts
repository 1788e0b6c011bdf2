import { DRY_RUN } from '../admin/import-file.ts';
import { reportLines } from '../admin/line-report.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { BACKUP_FAILOVER } from '../options/key-terms-options.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { KEY_SOURCE, readNeededKey } from '../options/secret-options.ts';

export const backupKeysAdd = defineCommand({
  name: 'backup-keys add',
  summary: 'adds a key to the reserve of a pool',
  operands: ['key id'],
  options: { ...ONE_PROVIDER, ...KEY_SOURCE, ...BACKUP_FAILOVER, ...DRY_RUN, ...ACTOR },
  examples: [
    'omg backup-keys add spare-1 --key-file key.txt',
    'omg backup-keys add spare-1 --key-file - --provider ohmygpt --failover on',
  ],
  async run(context, args) {
    const keyId = args.operand(0);
    const [enableFailover, actor, dryRun] = [args.onOff('failover'), actorOf(args), args.flag('dry-run')];
    const backupKeys = [{ keyId, enableFailover, apiKey: await readNeededKey(context, args) }];
    const { provider, admin } = await openPool(context, args);
    const { results } = await admin.call(
      async (client, call) => await client.addBackupKeys({ provider, backupKeys, actor, dryRun }, call),
    );
    const done = `${dryRun ? 'would be added' : 'added'} to ${provider}`;
    await reportLines(context, { lines: results, noun: ['backup key', 'backup keys'], done });
  },
});
