import { pause } from '@omg/service';
import type { Db } from 'mongodb';
import type { UpstreamBooks } from './lean-upstream.ts';

/** What usage-ledger has charged so far. */
export interface ChargedBooks {
  readonly logs: number;
  /** Whole answers with 200, with the tokens that the provider named. */
  readonly good: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface RowBooks {
  readonly good: number;
  readonly bad: number;
  readonly upstream: UpstreamBooks;
  /** Of the router's rows only. */
  readonly charged: ChargedBooks | undefined;
}

const CHARGED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 20;

/** Empty where generator, upstream and ledger say the same. */
export function faultsOf({ good, bad, upstream, charged }: RowBooks): readonly string[] {
  const faults: string[] = [];
  if (bad > 0) faults.push(`${bad} answers were not whole, or not 200`);
  if (upstream.requests !== good) faults.push(`the upstream gave ${upstream.requests} answers, ${good} came`);
  if (charged === undefined) return faults;
  if (charged.logs !== good || charged.good !== good)
    faults.push(`${good} answers came, ${charged.logs} requests were charged, ${charged.good} of them as good`);
  if (charged.inputTokens !== upstream.inputTokens || charged.outputTokens !== upstream.outputTokens)
    faults.push(
      `the upstream counted ${upstream.inputTokens} and ${upstream.outputTokens} tokens, the ledger ${charged.inputTokens} and ${charged.outputTokens}`,
    );
  return faults;
}

/** Waits until so many requests are charged beyond the earlier ones, and says what they came to. */
export async function readCharged(
  ledger: Db,
  {
    before,
    requests,
    signal,
  }: { readonly before: ChargedBooks; readonly requests: number; readonly signal: AbortSignal },
): Promise<ChargedBooks> {
  const logs = ledger.collection('request_logs');
  const deadlineMs = performance.now() + CHARGED_WITHIN_MS;
  const waited = async (isThere: () => Promise<boolean>): Promise<void> => {
    while (!(await isThere()) && performance.now() < deadlineMs) {
      await pause(LOOK_EVERY_MS, signal);
      signal.throwIfAborted();
    }
  };
  const wanted = before.logs + requests;
  // it costs nothing to ask, and counts what a transaction that still runs has inserted, too
  await waited(async () => (await logs.estimatedDocumentCount()) >= wanted);
  let now = await readBooks(ledger);
  await waited(async () => {
    now = await readBooks(ledger);
    return now.logs >= wanted;
  });
  return {
    logs: now.logs - before.logs,
    good: now.good - before.good,
    inputTokens: now.inputTokens - before.inputTokens,
    outputTokens: now.outputTokens - before.outputTokens,
  };
}

export async function readBooks(ledger: Db): Promise<ChargedBooks> {
  const isGood = { $and: ['$isSuccess', { $eq: ['$statusCode', 200] }, { $eq: ['$usageSource', 'provider'] }] };
  const [row] = await ledger
    .collection('request_logs')
    .aggregate<Omit<ChargedBooks, 'logs'> & { readonly logs: number }>([
      {
        $group: {
          _id: null,
          logs: { $sum: 1 },
          good: { $sum: { $cond: [isGood, 1, 0] } },
          inputTokens: { $sum: '$inputTokens' },
          outputTokens: { $sum: '$outputTokens' },
        },
      },
    ])
    .toArray();
  return {
    logs: row?.logs ?? 0,
    good: row?.good ?? 0,
    inputTokens: row?.inputTokens ?? 0,
    outputTokens: row?.outputTokens ?? 0,
  };
}
