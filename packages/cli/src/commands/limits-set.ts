import { changeAccount } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { UsageError } from '../failures.ts';
import { LIMITS, TENANT_OR_KEY, readLimits, readTenantOrKey } from '../options/account-options.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';

export const limitsSet = defineCommand({
  name: 'limits set',
  summary: 'changes limits of a tenant (all its keys together) or of a client key',
  operands: [],
  options: {
    ...TENANT_OR_KEY,
    site: { type: 'string', value: 'SITE', summary: 'only at this site (default: wherever it has none of its own)' },
    ...LIMITS,
    ...ACTOR,
  },
  examples: [
    'omg limits set --tenant acme --rpm 2000 --parallel 50',
    'omg limits set --key acme-ci --site ohmygpt --parallel 1',
    'omg limits set --key acme-ci --site ohmygpt --parallel 0',
  ],
  async run(context, args) {
    const target = readTenantOrKey(args);
    const limits = readLimits(args, args.string('site'));
    if (limits.length === 0) throw new UsageError('one of --rpm, --tpm and --parallel is needed');
    await changeAccount(context, target, { limits }, actorOf(args));
  },
});
