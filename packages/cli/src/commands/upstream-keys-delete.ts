import { deleteMany } from '../admin/delete-many.ts';
import { CHUNK_DEADLINE_MS } from '../admin/in-chunks.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { confirm, deedTo, YES } from '../options/confirm.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';

export const upstreamKeysDelete = defineCommand({
  name: 'upstream-keys delete',
  summary: 'deletes keys with their bindings',
  operands: [],
  lastOperand: { name: 'key id', takes: 'one or more' },
  options: { ...ONE_PROVIDER, ...YES, ...ACTOR },
  examples: ['omg upstream-keys delete key-1', 'omg upstream-keys delete key-1 key-2 --provider ohmygpt --yes'],
  async run(context, args) {
    const [ids, actor] = [args.operandsFrom(0), actorOf(args)];
    const { provider, admin } = await openPool(context, args);
    await confirm(context, args, `${deedTo('delete', ids, ['key', 'keys'])} of ${provider} with all bindings`);
    await deleteMany(context, {
      ids,
      noun: ['key', 'keys'],
      send: async (keyIds) =>
        await admin.call(
          async (client, call) =>
            await client.deleteKeys({ provider, keyIds, actor }, { ...call, deadlineMs: CHUNK_DEADLINE_MS }),
        ),
    });
  },
});
