import { deleteMany } from '../admin/delete-many.ts';
import { CHUNK_DEADLINE_MS } from '../admin/in-chunks.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { confirm, deedTo, YES } from '../options/confirm.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';

const NOUN = ['backup key', 'backup keys'] as const;

export const backupKeysDelete = defineCommand({
  name: 'backup-keys delete',
  summary: 'deletes keys of the reserve; a rotation to one that was used cannot be taken back then',
  operands: [],
  lastOperand: { name: 'key id', takes: 'one or more' },
  options: { ...ONE_PROVIDER, ...YES, ...ACTOR },
  examples: ['omg backup-keys delete spare-1', 'omg backup-keys delete spare-1 spare-2 --provider ohmygpt --yes'],
  async run(context, args) {
    const [ids, actor] = [args.operandsFrom(0), actorOf(args)];
    const { provider, admin } = await openPool(context, args);
    await confirm(context, args, `${deedTo('delete', ids, NOUN)} of ${provider}`);
    await deleteMany(context, {
      ids,
      noun: NOUN,
      send: async (keyIds) =>
        await admin.call(
          async (client, call) =>
            await client.deleteBackupKeys({ provider, keyIds, actor }, { ...call, deadlineMs: CHUNK_DEADLINE_MS }),
        ),
    });
  },
});
