import { administer, writeKeys } from '../admin/account-commands.ts';
import { answered } from '../admin/answered.ts';
import { forEach } from '../admin/for-each.ts';
import { defineCommand } from '../command.ts';
import { KEY_RESTRICTIONS, readKeyFields } from '../options/account-options.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { requireChange } from '../options/key-terms-options.ts';

export const keysEdit = defineCommand({
  name: 'keys edit',
  summary: 'changes what client keys may be used for; limits and budgets have commands of their own',
  operands: [],
  lastOperand: { name: 'key id', takes: 'one or more' },
  options: { ...KEY_RESTRICTIONS, ...ACTOR },
  examples: [
    'omg keys edit acme-ci --models claude-haiku-4-5-20251001 --sites ohmygpt',
    'omg keys edit acme-ci acme-laptop --models all --expires never',
  ],
  async run(context, args) {
    const [fields, actor] = [readKeyFields(args), actorOf(args)];
    const { limits: _, neverExpires, ...given } = fields;
    requireChange({ ...given, neverExpires: neverExpires || undefined }, 'keys edit');
    const { results, failure } = await forEach(args.operandsFrom(0), async (clientKeyId) => {
      const { key } = await administer(
        context,
        async (client, call) => await client.editClientKey({ clientKeyId, fields, actor }, call),
      );
      return answered(key);
    });
    if (results.length > 0) await writeKeys(context, results);
    if (failure !== undefined) throw failure;
  },
});
