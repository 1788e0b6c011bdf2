import { DRY_RUN } from '../admin/import-file.ts';
import { reportLines } from '../admin/line-report.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { KEY_TERMS, readKeyTerms } from '../options/key-terms-options.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { KEY_SOURCE, readNeededKey } from '../options/secret-options.ts';

export const upstreamKeysAdd = defineCommand({
  name: 'upstream-keys add',
  summary: 'adds a key to a pool',
  operands: ['key id'],
  options: { ...ONE_PROVIDER, ...KEY_SOURCE, ...KEY_TERMS, ...DRY_RUN, ...ACTOR },
  examples: [
    'omg upstream-keys add key-1 --key-file key.txt',
    'omg upstream-keys add key-1 --key-file - --provider ohmygpt --slots 20 --failover on',
    'omg upstream-keys add key-1 --key-env NEW_KEY --models model-a,model-b',
  ],
  async run(context, args) {
    const keyId = args.operand(0);
    const [terms, actor, dryRun] = [readKeyTerms(args), actorOf(args), args.flag('dry-run')];
    const fields = { ...terms, apiKey: await readNeededKey(context, args) };
    const { provider, admin } = await openPool(context, args);
    const { results } = await admin.call(
      async (client, call) => await client.addKeys({ provider, keys: [{ keyId, fields }], actor, dryRun }, call),
    );
    const done = `${dryRun ? 'would be added' : 'added'} to ${provider}`;
    await reportLines(context, { lines: results, noun: ['key', 'keys'], done });
  },
});
