import { answered, writeKeys } from '../admin/write-keys.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';

export const backupKeysRestore = defineCommand({
  name: 'backup-keys restore',
  summary: 'takes a rotation back: the old key gets its place and bindings, the backup key goes to the reserve',
  operands: ['backup key id'],
  options: { ...ONE_PROVIDER, ...ACTOR },
  examples: ['omg backup-keys restore spare-1', 'omg backup-keys restore spare-1 --provider ohmygpt --json'],
  async run(context, args) {
    const [backupKeyId, actor] = [args.operand(0), actorOf(args)];
    const { provider, admin } = await openPool(context, args);
    const { key } = await admin.call(
      async (client, call) => await client.restoreKey({ provider, backupKeyId, actor }, call),
    );
    await writeKeys(context, [answered(key)]);
  },
});
