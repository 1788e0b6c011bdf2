import { accountsAdminV1 } from '@omg/proto-gen';
import { defineCommand, type Command } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { YES, confirm, deedTo } from '../options/confirm.ts';
import { administer, writeKeys } from './account-commands.ts';
import { answered } from './answered.ts';
import { forEach } from './for-each.ts';

export interface ClientKeyOperationSpec {
  readonly verb: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly operation: accountsAdminV1.ClientKeyOperation;
}

/** A command that does one thing with each client key that it is given; what is for good is asked about. */
export function defineClientKeyOperation({ verb, summary, examples, operation }: ClientKeyOperationSpec): Command {
  const isForGood = operation === accountsAdminV1.ClientKeyOperation.REVOKE;
  return defineCommand<string>({
    name: `keys ${verb}`,
    summary,
    operands: [],
    lastOperand: { name: 'key id', takes: 'one or more' },
    options: { ...(isForGood ? YES : {}), ...ACTOR },
    examples,
    async run(context, args) {
      const [ids, actor] = [args.operandsFrom(0), actorOf(args)];
      if (isForGood) await confirm(context, args, `${deedTo(verb, ids, ['client key', 'client keys'])} for good`);
      const { results, failure } = await forEach(ids, async (clientKeyId) => {
        const { key } = await administer(
          context,
          async (client, call) => await client.operateClientKey({ clientKeyId, operation, actor }, call),
        );
        return answered(key);
      });
      if (results.length > 0) await writeKeys(context, results);
      if (failure !== undefined) throw failure;
    },
  });
}
