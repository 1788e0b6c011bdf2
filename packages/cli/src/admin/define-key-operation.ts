import { keyAdminV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import { defineCommand, type Command, type OptionSpec } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { confirm, deedTo } from '../options/confirm.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { forEach } from './for-each.ts';
import { answered, writeKeys } from './write-keys.ts';

export interface KeyOperationSpec<Option extends string> {
  /** The word that follows `upstream-keys`. */
  readonly verb: string;
  readonly summary: string;
  readonly options?: Readonly<Record<Option, OptionSpec>>;
  readonly examples: readonly string[];
  readonly operation: (args: Arguments<Option>) => keyAdminV1.KeyOperation;
}

/** What ends running requests or a key's place is asked about: their commands have --yes. */
const ASKED = new Set<keyAdminV1.KeyOperation>([keyAdminV1.KeyOperation.DISABLE_NOW, keyAdminV1.KeyOperation.ROTATE]);

/** A command that does one thing with each key that it is given. */
export function defineKeyOperation<const Option extends string = never>(spec: KeyOperationSpec<Option>): Command {
  const { verb, summary, options, examples, operation: operationOf } = spec;
  return defineCommand<string>({
    name: `upstream-keys ${verb}`,
    summary,
    operands: [],
    lastOperand: { name: 'key id', takes: 'one or more' },
    options: { ...ONE_PROVIDER, ...ACTOR, ...options },
    examples,
    async run(context, args) {
      const operation = operationOf(args);
      const actor = actorOf(args);
      const ids = args.operandsFrom(0);
      const { provider, admin } = await openPool(context, args);
      if (ASKED.has(operation)) await confirm(context, args, `${deedTo(verb, ids, ['key', 'keys'])} of ${provider}`);
      const { results, failure } = await forEach(ids, async (keyId) => {
        const { key } = await admin.call(
          async (client, call) => await client.operateKey({ provider, keyId, operation, actor }, call),
        );
        return answered(key);
      });
      await writeKeys(context, results);
      if (failure !== undefined) throw failure;
    },
  });
}
