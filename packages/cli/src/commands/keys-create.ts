import { administer, writeSecret } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { KEY_RESTRICTIONS, LIMITS, readKeyFields, readLimits } from '../options/account-options.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { UsageError } from '../failures.ts';

export const keysCreate = defineCommand({
  name: 'keys create',
  summary: 'makes a client key and shows it, this once',
  operands: ['tenant id'],
  options: {
    id: { type: 'string', value: 'ID', summary: 'its id, which is no secret (default: made up)' },
    ...KEY_RESTRICTIONS,
    ...LIMITS,
    ...ACTOR,
  },
  examples: [
    'omg keys create acme --name ci',
    'omg keys create acme --name laptop --id acme-laptop --models claude-haiku-4-5-20251001 --expires 2027-01-31',
    'omg keys create acme --name batch --parallel 2 --json | jq -r .secret',
  ],
  async run(context, args) {
    const fields = { ...readKeyFields(args), limits: readLimits(args, undefined) };
    if (fields.name === undefined) throw new UsageError('--name NAME is needed');
    const request = { tenantId: args.operand(0), clientKeyId: args.string('id') ?? '', fields, actor: actorOf(args) };
    await writeSecret(
      context,
      await administer(context, async (client, call) => await client.createClientKey(request, call)),
    );
  },
});
