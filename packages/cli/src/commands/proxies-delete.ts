import { deleteMany } from '../admin/delete-many.ts';
import { CHUNK_DEADLINE_MS } from '../admin/in-chunks.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { confirm, deedTo, YES } from '../options/confirm.ts';
import { ANY_PROVIDER, openAnyPool } from '../options/provider-option.ts';

const NOUN = ['proxy', 'proxies'] as const;

export const proxiesDelete = defineCommand({
  name: 'proxies delete',
  summary: 'deletes proxies with the bindings of all pools to them',
  operands: [],
  lastOperand: { name: 'proxy id', takes: 'one or more' },
  options: { ...ANY_PROVIDER, ...YES, ...ACTOR },
  examples: ['omg proxies delete proxy-1', 'omg proxies delete proxy-1 proxy-2 --yes'],
  async run(context, args) {
    const [ids, actor] = [args.operandsFrom(0), actorOf(args)];
    const { provider, admin } = await openAnyPool(context, args);
    await confirm(context, args, `${deedTo('delete', ids, NOUN)} with the bindings of all pools`);
    await deleteMany(context, {
      ids,
      noun: NOUN,
      send: async (proxyIds) =>
        await admin.call(
          async (client, call) =>
            await client.deleteProxies({ provider, proxyIds, actor }, { ...call, deadlineMs: CHUNK_DEADLINE_MS }),
        ),
    });
  },
});
