import { readEnvironment } from '@omg/config';
import type { accountsAdminV1 } from '@omg/proto-gen';
import { administer } from '../admin/account-commands.ts';
import { CHUNK_DEADLINE_MS } from '../admin/in-chunks.ts';
import type { Arguments } from '../args/arguments.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { CommandFailure, UsageError } from '../failures.ts';
import { readOldAccounts, type OldSystem } from '../import/read-old-accounts.ts';
import { renderFields } from '../output/field-list.ts';
import { NOTHING, formatCount, formatNumberOf, formatUsd } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { Table } from '../output/table.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { confirm, YES } from '../options/confirm.ts';

const SOURCE = 'trollllm';

/** What became of an account, or would. */
interface Line extends Omit<accountsAdminV1.ImportResult, 'ok'> {
  readonly creditsNanoUsd: bigint;
  readonly refCreditsNanoUsd: bigint;
}

export const importTrollllm = defineCommand({
  name: 'import trollllm',
  summary: 'takes over users, credits and client keys of the system that this one replaces: says so first, then asks',
  operands: [],
  options: {
    from: { type: 'string', value: 'URL', summary: "of the old system's MongoDB; it is only read" },
    'from-env': { type: 'string', value: 'VARIABLE', summary: 'the environment variable that holds the URL' },
    database: { type: 'string', value: 'NAME', summary: "the database (default: the URL's)" },
    users: { type: 'string', value: 'NAME', summary: 'the collection of users (default usersNew)' },
    keys: { type: 'string', value: 'NAME', summary: 'the collection of further client keys (default user_keys)' },
    'credit-fields': {
      type: 'string',
      value: 'A,B',
      summary: 'what of a user becomes credits, summed (default credits,creditsNew)',
    },
    'dry-run': { type: 'boolean', summary: 'only say what would be taken over' },
    ...YES,
    ...ACTOR,
  },
  examples: [
    'omg import trollllm --from mongodb://localhost:27017/trollllm --dry-run',
    'omg import trollllm --from-env OLD_MONGODB_URL --database trollllm --yes',
  ],
  async run(context, args) {
    const system = readSystem(context, args);
    const actor = actorOf(args);
    const planned = await takeOver(context, system, { actor, dryRun: true });
    await report(context, planned, true);
    if (args.flag('dry-run')) return;
    const wanted = planned.filter(isNew);
    if (wanted.length === 0) {
      context.terminal.note('There is nothing to take over.');
      return;
    }
    await confirm(context, args, `take over ${formatNumberOf(wanted.length, 'account')}`);
    const done = await takeOver(context, system, { actor, dryRun: false });
    await report(context, done, false);
    const refused = done.filter(({ reason }) => reason !== '').length;
    if (refused > 0)
      throw new CommandFailure(`${formatNumberOf(refused, 'account')} of ${formatCount(done.length)} refused`);
  },
});

function readSystem(
  { signal }: CommandContext,
  args: Arguments<'from' | 'from-env' | 'database' | 'users' | 'keys' | 'credit-fields'>,
): OldSystem {
  const [from, variable] = [args.string('from'), args.string('from-env')];
  if (from !== undefined && variable !== undefined) throw new UsageError('--from and --from-env exclude each other');
  const url = variable === undefined ? from : readEnvironment()[variable];
  if (url === undefined)
    throw new UsageError(variable === undefined ? '--from URL is needed, or --from-env' : `${variable} is not set`);
  return {
    url,
    database: args.string('database'),
    usersCollection: args.string('users') ?? 'usersNew',
    keysCollection: args.string('keys') ?? 'user_keys',
    fields: { credits: args.list('credit-fields') ?? ['credits', 'creditsNew'], refCredits: 'refCredits' },
    signal,
  };
}

async function takeOver(
  context: CommandContext,
  system: OldSystem,
  { actor, dryRun }: { readonly actor: string; readonly dryRun: boolean },
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  try {
    for await (const chunk of readOldAccounts(system)) {
      context.terminal.progress(`${dryRun ? 'checking' : 'taking over'}: ${formatCount(lines.length)}`);
      const accounts = chunk.flatMap((old) => ('account' in old ? [old.account] : []));
      const { results } = await administer(
        context,
        async (client, call) =>
          await client.importAccounts(
            { source: SOURCE, accounts, actor, dryRun },
            { ...call, deadlineMs: CHUNK_DEADLINE_MS },
          ),
      );
      if (results.length !== accounts.length)
        throw new CommandFailure(`usage-ledger answered ${results.length} of ${accounts.length}`);
      const answers = results.values();
      lines.push(...chunk.map((old) => toLine(old, 'account' in old ? answers.next().value : undefined)));
    }
    return lines;
  } finally {
    context.terminal.progress('');
  }
}

function toLine(
  old: { readonly id: string; readonly account?: accountsAdminV1.ImportedAccount; readonly fault?: string },
  result: accountsAdminV1.ImportResult | undefined,
): Line {
  return {
    tenantId: old.id,
    reason: old.fault ?? result?.reason ?? '',
    tenantCreated: result?.tenantCreated ?? false,
    creditsGiven: result?.creditsGiven ?? false,
    keysCreated: result?.keysCreated ?? 0,
    keysKnown: result?.keysKnown ?? 0,
    creditsNanoUsd: result?.creditsGiven === true ? (old.account?.creditsNanoUsd ?? 0n) : 0n,
    refCreditsNanoUsd: result?.creditsGiven === true ? (old.account?.refCreditsNanoUsd ?? 0n) : 0n,
  };
}

function isNew({ tenantCreated, creditsGiven, keysCreated }: Line): boolean {
  return tenantCreated || creditsGiven || keysCreated > 0;
}

async function report({ terminal, json }: CommandContext, lines: readonly Line[], planned: boolean): Promise<void> {
  if (json) {
    await terminal.write(
      lines.map(({ reason, ...line }) => jsonLine({ dryRun: planned, ...line, reason: reason || null })).join(''),
    );
    return;
  }
  const refused = lines.filter(({ reason }) => reason !== '');
  const table = new Table<Line>(
    [
      { title: 'REFUSED', value: ({ tenantId }) => tenantId || NOTHING, style: () => 'red' },
      { title: 'REASON', value: ({ reason }) => reason },
    ],
    terminal,
  );
  if (refused.length > 0) await terminal.write(`${table.render(refused)}\n`);
  const sum = (amountOf: (line: Line) => bigint): string =>
    formatUsd(lines.reduce((total, line) => total + amountOf(line), 0n));
  const count = (countOf: (line: Line) => number): string =>
    formatCount(lines.reduce((total, line) => total + countOf(line), 0));
  const rows: readonly (readonly [string, string])[] = [
    ['accounts', formatCount(lines.length)],
    ['new tenants', count(({ tenantCreated }) => Number(tenantCreated))],
    ['new client keys', count(({ keysCreated }) => keysCreated)],
    ['credits', sum(({ creditsNanoUsd }) => creditsNanoUsd)],
    ['refCredits', sum(({ refCreditsNanoUsd }) => refCreditsNanoUsd)],
    ['here already', formatCount(lines.filter((line) => line.reason === '' && !isNew(line)).length)],
    ['refused', formatCount(refused.length)],
  ];
  await terminal.write(`${terminal.paint('bold', planned ? 'To take over' : 'Taken over')}\n${renderFields(rows)}`);
}
