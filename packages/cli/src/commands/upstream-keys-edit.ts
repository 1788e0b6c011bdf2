import { forEach } from '../admin/for-each.ts';
import { answered, writeKeys } from '../admin/write-keys.ts';
import { defineCommand } from '../command.ts';
import { UsageError } from '../failures.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { KEY_TERMS, readKeyTerms, requireChange } from '../options/key-terms-options.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { KEY_SOURCE, readKey } from '../options/secret-options.ts';

export const upstreamKeysEdit = defineCommand({
  name: 'upstream-keys edit',
  summary: 'changes what keys are allowed, or the secret of one',
  operands: [],
  lastOperand: { name: 'key id', takes: 'one or more' },
  options: { ...ONE_PROVIDER, ...KEY_TERMS, ...KEY_SOURCE, ...ACTOR },
  examples: [
    'omg upstream-keys edit key-1 key-2 --slots 20 --rpm 600',
    'omg upstream-keys edit key-1 --models model-a,model-b --failover off',
    'omg upstream-keys edit key-1 --key-file new-key.txt',
  ],
  async run(context, args) {
    const [ids, terms, actor] = [args.operandsFrom(0), readKeyTerms(args), actorOf(args)];
    const fields = { ...terms, apiKey: await readKey(context, args) };
    requireChange(fields, 'upstream-keys edit');
    if (fields.apiKey !== undefined && ids.length > 1) throw new UsageError('several keys cannot have one secret');
    const { provider, admin } = await openPool(context, args);
    const { results, failure } = await forEach(ids, async (keyId) => {
      const { key } = await admin.call(
        async (client, call) => await client.editKey({ provider, keyId, fields, actor }, call),
      );
      return answered(key);
    });
    await writeKeys(context, results);
    if (failure !== undefined) throw failure;
  },
});
