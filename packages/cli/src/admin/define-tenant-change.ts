import type { accountsAdminV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import { defineCommand, type Command, type OptionSpec } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { administer, writeTenants } from './account-commands.ts';
import { answered } from './answered.ts';
import { forEach } from './for-each.ts';

export interface TenantChangeSpec<Option extends string> {
  readonly verb: string;
  readonly summary: string;
  readonly options?: Readonly<Record<Option, OptionSpec>>;
  readonly examples: readonly string[];
  readonly change: (args: Arguments<Option>) => Pick<accountsAdminV1.EditTenantRequest, 'name' | 'status'>;
}

/** A command that changes the same of each tenant that it is given. */
export function defineTenantChange<const Option extends string = never>(spec: TenantChangeSpec<Option>): Command {
  const { verb, summary, options, examples, change } = spec;
  return defineCommand<string>({
    name: `tenants ${verb}`,
    summary,
    operands: [],
    lastOperand: { name: 'tenant id', takes: 'one or more' },
    options: { ...ACTOR, ...options },
    examples,
    async run(context, args) {
      const request = { ...change(args), limits: [], actor: actorOf(args) };
      const { results, failure } = await forEach(args.operandsFrom(0), async (tenantId) => {
        const { tenant } = await administer(
          context,
          async (client, call) => await client.editTenant({ ...request, tenantId }, call),
        );
        return answered(tenant);
      });
      if (results.length > 0) await writeTenants(context, results);
      if (failure !== undefined) throw failure;
    },
  });
}
