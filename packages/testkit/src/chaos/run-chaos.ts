import { MongoClient } from 'mongodb';
import { createFakeAdmin } from '../fake-upstream/fake-admin.ts';
import { AMPLE_LIMITS } from '../stack/ample-limits.ts';
import { brokerName, ledgerName, routerName } from '../stack/parts.ts';
import { runOmg } from '../stack/run-omg.ts';
import { startStack, type Stack } from '../stack/start-stack.ts';
import { CHAOS_TENANTS, HARD, SMALL_NANO_USD, sendRequests, type Seen } from './chaos-clients.ts';
import type { ChaosOptions } from './chaos-options.ts';

const REPLICAS = [1, 2];
const VICTIMS = [
  ...REPLICAS.map(ledgerName),
  ...REPLICAS.map((replica) => routerName('ohmygpt', replica)),
  ...REPLICAS.map(brokerName),
];
/** The last ones are charged, and their rollups made. */
const SETTLE_MS = 30_000;
const LOOK_EVERY_MS = 500;

/** Whether the books are right. */
export async function runChaos(options: ChaosOptions, say: (line: string) => void): Promise<boolean> {
  await using stack = await startStack({
    routersPerSite: REPLICAS.length,
    ledgers: REPLICAS.length,
    brokers: REPLICAS.length,
    tenants: CHAOS_TENANTS,
    logLevel: 'info',
    env: { 'usage-ledger': AMPLE_LIMITS },
  });
  const fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  await fake.setFault({ answer: { tokens: { input: 100, output: 60 }, deltas: 20, paceMs: 30 } });
  say(`A gateway of ${VICTIMS.length} processes runs; ${options.clients} clients send for ${options.seconds} s.`);
  const seen: Seen = new Map();
  const stopped = new AbortController();
  const clients = Array.from({ length: options.clients }, async (_, number) => {
    await sendRequests(number, { urls: stack.addresses.ohmygptUrls, seen, signal: stopped.signal });
  });
  await killInTurn(stack, options, say);
  stopped.abort();
  await Promise.all(clients);
  for (const [what, count] of [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    say(`${String(count).padStart(8)}  ${what}`);
  return await booksAreRight(stack, say);
}

async function killInTurn(
  stack: Stack,
  { seconds, everySeconds }: ChaosOptions,
  say: (line: string) => void,
): Promise<void> {
  const startMs = performance.now();
  const elapsed = (): number => (performance.now() - startMs) / 1_000;
  for (let turn = 0; elapsed() < seconds; turn += 1) {
    await sleep(everySeconds * (0.5 + Math.random()) * 1_000);
    const victim = VICTIMS[turn % VICTIMS.length] ?? '';
    say(`${elapsed().toFixed(1).padStart(6)} s  kill -9 ${victim}`);
    await stack.kill(victim);
    await stack.restart(victim);
  }
}

async function booksAreRight(stack: Stack, say: (line: string) => void): Promise<boolean> {
  await everythingIsCharged(stack);
  const reconciled = await runOmg(stack, `reconcile --books ${stack.addresses.fakeAdminUrl}/books`);
  say(reconciled.stdout + reconciled.stderr);
  const budgets = await runOmg(stack, 'budgets list');
  say(budgets.stdout + budgets.stderr);
  const spent = await spentOf(stack, HARD);
  const isWithin = spent <= SMALL_NANO_USD;
  say(`The hard budget of ${SMALL_NANO_USD} nano-USD ${isWithin ? 'was kept' : 'WAS PASSED'}: ${spent} were spent.`);
  return reconciled.code === 0 && isWithin;
}

/** Nothing new has come into the books for a while. */
async function everythingIsCharged(stack: Stack): Promise<void> {
  const untilMs = performance.now() + SETTLE_MS;
  await using client = new MongoClient(stack.addresses.ledgerMongoUrl);
  const logs = client.db(stack.addresses.ledgerDatabase).collection('request_logs');
  let before = -1;
  let same = 0;
  while (performance.now() < untilMs && same < 10) {
    const count = await logs.countDocuments();
    same = count === before ? same + 1 : 0;
    before = count;
    await sleep(LOOK_EVERY_MS);
  }
}

async function spentOf(stack: Stack, tenantId: string): Promise<bigint> {
  await using client = new MongoClient(stack.addresses.ledgerMongoUrl, { useBigInt64: true });
  const tenants = client
    .db(stack.addresses.ledgerDatabase)
    .collection<{ _id: string; spentNanoUsd: bigint }>('tenants');
  return (await tenants.findOne({ _id: tenantId }))?.spentNanoUsd ?? 0n;
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
