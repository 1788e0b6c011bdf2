import { randomUUIDv7 } from 'node:crypto';
import type { accountsAdminV1 } from '@omg/proto-gen';
import { accountsAdminV1 as v1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import { defineCommand, type Command, type OptionSpec } from '../command.ts';
import { writeRows } from '../output/pages.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { REASON, readReason } from '../options/credit-options.ts';
import { readNeededUsd } from '../options/usd-option.ts';
import { CREDIT_COLUMNS, creditToJson } from '../views/account.ts';
import { administer } from './account-commands.ts';
import { answered } from './answered.ts';

export interface CreditSpec<Option extends string> {
  readonly verb: string;
  readonly summary: string;
  readonly amount: string;
  readonly options?: Readonly<Record<Option, OptionSpec>>;
  readonly examples: readonly string[];
  readonly kind: accountsAdminV1.CreditKind;
  readonly purse?: (args: Arguments<Option>) => accountsAdminV1.Purse;
}

/** A command that writes one entry into a tenant's books and prints it. */
export function defineCredit<const Option extends string = never>(spec: CreditSpec<Option>): Command {
  const { verb, summary, amount, options, examples, kind, purse } = spec;
  return defineCommand<string>({
    name: `credits ${verb}`,
    summary,
    operands: ['tenant id'],
    options: {
      usd: { type: 'string', value: 'AMOUNT', summary: amount },
      ...options,
      ...REASON,
      id: {
        type: 'string',
        value: 'ID',
        summary: "the entry's, such as an invoice's number: the same again is the same entry, not another one",
      },
      ...ACTOR,
    },
    examples,
    async run(context, args) {
      const request = {
        tenantId: args.operand(0),
        kind,
        purse: purse?.(args) ?? v1.Purse.UNSPECIFIED,
        nanoUsd: readNeededUsd(args, 'usd'),
        reason: readReason(args),
        actor: actorOf(args),
        entryId: args.string('id') ?? randomUUIDv7(),
      };
      const { entry } = await administer(context, async (client, call) => await client.addCredit(request, call));
      await writeEntry(context, entry);
    },
  });
}

export async function writeEntry(
  context: Parameters<Command['run']>[0],
  entry: accountsAdminV1.CreditEntry | undefined,
): Promise<void> {
  await writeRows(context, [answered(entry)], { columns: CREDIT_COLUMNS, toJson: creditToJson, none: '' });
}
