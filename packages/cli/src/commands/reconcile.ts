import type { GrpcClient } from '@omg/grpc';
import type { auditV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import { compareBooks } from '../books/compare-books.ts';
import { SLACK_TOKENS } from '../books/join-books.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { CommandFailure, UsageError } from '../failures.ts';
import { RANGE_OPTIONS, readTimes, readZone } from '../options/range-options.ts';
import { formatCount, formatMs, formatNumberOf } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { printable } from '../output/printable.ts';
import { Table, type Column } from '../output/table.ts';

const USUAL_LIMIT = 100;
const USUAL_BOUND = 0.25;
/** The check that is made here; usage-ledger makes the others. */
const BOOKS = 'books';

type Result = Omit<auditV1.CheckResult, 'check'> & { readonly check: string };

/** What was found, in the order of its finding. */
interface Found {
  readonly results: Result[];
  readonly differences: auditV1.Difference[];
  readonly notes: auditV1.CheckNote[];
}

const RESULTS: readonly Column<Result>[] = [
  { title: 'CHECK', value: ({ check }) => check },
  { title: 'CHECKED', align: 'right', value: ({ checked }) => formatCount(checked) },
  { title: 'UNKNOWABLE', align: 'right', value: ({ unknowable }) => formatCount(unknowable) },
  {
    title: 'DIFFERENCES',
    align: 'right',
    value: ({ differences }) => formatCount(differences),
    style: ({ differences }) => (differences === 0n ? 'green' : 'red'),
  },
  { title: 'TOOK', align: 'right', value: ({ tookMs }) => formatMs(Number(tookMs)) },
];
const DIFFERENCES: readonly Column<auditV1.Difference>[] = [
  { title: 'CHECK', value: ({ check }) => check },
  { title: 'OF', value: ({ subject }) => subject },
  { title: 'WHAT', value: ({ what }) => what },
  { title: 'EXPECTED', value: ({ expected }) => expected },
  { title: 'FOUND', value: ({ found }) => found, style: () => 'red' },
];

export const reconcile = defineCommand({
  name: 'reconcile',
  summary: 'checks the books against themselves, and against those of a provider; fails on any difference',
  operands: [],
  options: {
    checks: { type: 'string', value: 'A,B', summary: 'only these checks (default: all)' },
    limit: {
      type: 'string',
      value: 'N',
      summary: `at most N differences of each check are shown, all are counted (default ${USUAL_LIMIT})`,
    },
    books: {
      type: 'string',
      value: 'FILE|URL',
      summary: "a provider's books as well: a CSV file, - for stdin, or the fake upstream's /books",
    },
    provider: { type: 'string', value: 'NAME', summary: 'with --books, whose they are (default: all providers)' },
    bound: {
      type: 'string',
      value: 'SHARE',
      summary: `with --books, by how much tokens that we counted or estimated may differ, beside ${SLACK_TOKENS} tokens (default ${USUAL_BOUND})`,
    },
    ...RANGE_OPTIONS,
    last: { ...RANGE_OPTIONS.last, summary: 'with --books, the time that they are of: 90m, 24h, 30d, 52w' },
    from: { ...RANGE_OPTIONS.from, summary: 'with --books, from then on (default: their first request)' },
    to: { ...RANGE_OPTIONS.to, summary: 'with --books, until then (default: their last request)' },
  },
  examples: [
    'omg reconcile',
    'omg reconcile --checks balances,rollups --json',
    'omg reconcile --books openhands-november.csv --provider openhands --from 2026-11-01 --to 2026-12-01',
    'omg reconcile --books http://127.0.0.1:18102/books --checks books',
  ],
  async run(context, args) {
    const books = readBooks(args);
    const checks = args.list('checks') ?? [];
    if (checks.includes(BOOKS) && books === undefined) throw new UsageError('--books FILE|URL is needed to check them');
    const limit = args.integer('limit', { min: 1, max: 10_000 }) ?? USUAL_LIMIT;
    const ownChecks = checks.filter((check) => check !== BOOKS);
    const found: Found = { results: [], differences: [], notes: [] };
    try {
      if (ownChecks.length > 0 || checks.length === 0) await askLedgers(context, found, { checks: ownChecks, limit });
      if (books !== undefined) await askProvider(context, found, { ...books, limit });
    } finally {
      context.terminal.progress('');
    }
    if (!context.json) await write(context, found);
    const differences = Number(found.results.reduce((sum, result) => sum + result.differences, 0n));
    if (differences > 0) throw new CommandFailure(formatNumberOf(differences, 'difference'));
  },
});

type Args = Arguments<'books' | 'provider' | 'bound' | keyof typeof RANGE_OPTIONS>;

function readBooks(args: Args) {
  const from = args.string('books');
  const times = readTimes(args, { zone: readZone(args), nowMs: Date.now() });
  const [provider, bound] = [args.string('provider'), args.string('bound')];
  if (from === undefined) {
    if (provider !== undefined || bound !== undefined || Object.keys(times).length > 0)
      throw new UsageError('--provider, --bound and times go with --books');
    return undefined;
  }
  const share = bound === undefined ? USUAL_BOUND : Number(bound);
  if (!(share >= 0 && share <= 10)) throw new UsageError(`--bound is a share such as 0.25, not "${bound ?? ''}"`);
  return { from, provider, bound: share, range: times };
}

/** One ledger checks the database; what others have in their memory, they are asked for. */
async function askLedgers(context: CommandContext, found: Found, request: auditV1.ReconcileRequest): Promise<void> {
  const audit = context.connection.audit();
  /** By check, what other ledgers have checked. */
  const more = new Map<string, auditV1.CheckResult>();
  const follow = async (
    asked: auditV1.ReconcileRequest,
    client: GrpcClient<auditV1.AuditService>,
    isFirst: boolean,
  ): Promise<void> => {
    for await (const { message } of client.reconcile(asked, context.signal)) {
      switch (message?.$case) {
        case 'progress':
          context.terminal.progress(`${message.value.check}: ${formatCount(message.value.checked)}`);
          break;
        case 'difference':
          await addTo(context, found.differences, 'difference', message.value);
          break;
        case 'note':
          await addTo(context, found.notes, 'note', message.value);
          break;
        case 'elsewhere':
          if (isFirst) await askElsewhere(message.value);
          break;
        case 'result': {
          const { check } = message.value;
          const sum = sumOf(message.value, more.get(check));
          if (isFirst) await addTo(context, found.results, 'result', sum);
          else more.set(check, sum);
          break;
        }
        case undefined:
      }
    }
  };
  const askElsewhere = async ({ check, address, partitions }: auditV1.CheckElsewhere): Promise<void> => {
    const which = `partitions ${partitions.join(', ')} are not checked`;
    const skipped = async (why: string): Promise<void> => {
      await addTo(context, found.notes, 'note', { check, text: `${which}: ${why}` });
    };
    if (address === '') return await skipped('nobody owns them at the moment');
    try {
      await audit.callAt(address, async (client) => {
        await follow({ ...request, checks: [check] }, client, false);
      });
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      await skipped(error.message);
    }
  };
  await audit.call(async (client) => {
    await follow(request, client, true);
  });
}

function sumOf(one: auditV1.CheckResult, other: auditV1.CheckResult | undefined): auditV1.CheckResult {
  if (other === undefined) return one;
  return {
    check: one.check,
    checked: one.checked + other.checked,
    differences: one.differences + other.differences,
    unknowable: one.unknowable + other.unknowable,
    tookMs: one.tookMs + other.tookMs,
  };
}

async function askProvider(
  context: CommandContext,
  found: Found,
  { limit, ...books }: NonNullable<ReturnType<typeof readBooks>> & { readonly limit: number },
): Promise<void> {
  const beginMs = performance.now();
  const told: auditV1.Difference[] = [];
  let differences = 0n;
  const { checked, unknowable, notes } = await compareBooks(context, {
    ...books,
    onDifference: (difference) => {
      differences += 1n;
      if (told.length < limit) told.push({ check: BOOKS, ...difference });
    },
  });
  for (const difference of told) await addTo(context, found.differences, 'difference', difference);
  for (const text of notes) await addTo(context, found.notes, 'note', { check: BOOKS, text });
  const tookMs = BigInt(Math.round(performance.now() - beginMs));
  await addTo(context, found.results, 'result', {
    check: BOOKS,
    checked: BigInt(checked),
    differences,
    unknowable: BigInt(unknowable),
    tookMs,
  });
}

/** Programs get each thing when it is found. */
async function addTo<T extends object>(
  { terminal, json }: CommandContext,
  list: T[],
  type: string,
  value: T,
): Promise<void> {
  if (json) await terminal.write(jsonLine({ type, ...value }));
  list.push(value);
}

async function write({ terminal }: CommandContext, { results, differences, notes }: Found): Promise<void> {
  await terminal.write(new Table(RESULTS, terminal).render(results));
  for (const { check, text } of notes) await terminal.write(`${check}: ${printable(text)}\n`);
  if (differences.length > 0) await terminal.write(`\n${new Table(DIFFERENCES, terminal).render(differences)}`);
}
