import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '@omg/journal';
import { eventsV1 } from '@omg/proto-gen';
import { expect, test } from 'vitest';
import { NO_TOKENS } from '../src/app/attempt-outcome.ts';
import type { AttemptReport, OpenedRequest } from '../src/app/ports.ts';
import { JournaledOutbox, type JournaledOutboxOptions } from '../src/messaging/journaled-outbox.ts';

const request: OpenedRequest = {
  requestId: '01976f5e-0000-7000-8000-000000000001',
  account: { tenantId: 't', tenantName: 'T', clientKeyId: 'k' },
  dialect: 'openai',
  stream: true,
  model: 'm',
  upstreamModel: 'm-1',
  acceptedAt: new Date('2026-11-21T08:00:00Z'),
  keyId: 'first',
  bodyBytes: 100,
  clientRequestId: '',
  priceVersion: 'p@1',
  allowance: { opened: 1, tokens: 100, money: [{ of: 'credit', bucket: '', nanoUsd: 1_000 }] },
  traceParent: '',
};

function outboxOf(journal: JournaledOutboxOptions['journal'], published: Uint8Array[]): JournaledOutbox {
  return new JournaledOutbox({
    journal,
    publisher: {
      publish: (_partition, event) => {
        published.push(event);
      },
      pending: 0,
      [Symbol.asyncDispose]: async () => await Promise.resolve(),
    },
    site: 's',
    provider: 'p',
    now: () => new Date('2026-11-21T08:00:05Z'),
    onProgressLost: (error) => {
      throw error;
    },
  });
}

test('a request that dies with its router is in the books with its attempts, and what it delivered', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'omg-outbox-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => {
    await rm(dir, { recursive: true });
  });
  const forgotten = { ...request, requestId: '01976f5e-0000-7000-8000-000000000002' };
  const between = { ...request, requestId: '01976f5e-0000-7000-8000-000000000003' };
  const failure: AttemptReport = {
    keyId: 'first',
    proxyId: 'proxy-1',
    endpoint: 'primary',
    statusCode: 429,
    cause: 'rate_limited',
    providerRequestId: 'req_1',
    startedAt: new Date(1_790_000_000_000),
    durationMs: 12.5,
    leaseGeneration: 2n ** 60n,
  };
  {
    await using journal = await openJournal({ dir, epoch: '01976f5e-0000-7000-8000-00000000000a' });
    const outbox = outboxOf(journal, []);
    outbox.opened(request);
    outbox.opened(forgotten);
    outbox.opened(between);
    const failed = [failure];
    outbox.progress(request.requestId, { tokens: NO_TOKENS, keyId: 'second', providerRequestId: '', failed });
    outbox.progress(request.requestId, {
      tokens: { ...NO_TOKENS, input: 7, output: 3 },
      keyId: 'second',
      providerRequestId: 'req_2',
      failed,
    });
    outbox.progress(between.requestId, { tokens: NO_TOKENS, keyId: '', providerRequestId: '', failed });
  }
  await using journal = await openJournal({ dir, epoch: '01976f5e-0000-7000-8000-00000000000b' });
  const published: Uint8Array[] = [];
  const outbox = outboxOf(journal, published);
  for (const adopted of journal.adopted) await outbox.resend(adopted);
  const events = published
    .map((event) => eventsV1.UsageEvent.decode(event))
    .toSorted((a, b) => a.requestId.localeCompare(b.requestId));
  expect(events).toMatchObject([
    {
      requestId: request.requestId,
      abortReason: 'router_lost',
      usageSource: eventsV1.UsageSource.ESTIMATED,
      tokens: { input: 7n, output: 3n },
      attempts: [
        { ...failure, durationMs: 13 },
        { keyId: 'second', cause: 'router_lost', providerRequestId: 'req_2' },
      ],
    },
    {
      requestId: forgotten.requestId,
      usageSource: eventsV1.UsageSource.NONE,
      tokens: { input: 0n, output: 0n },
      attempts: [{ keyId: 'first', providerRequestId: '' }],
    },
    {
      requestId: between.requestId,
      abortReason: 'router_lost',
      usageSource: eventsV1.UsageSource.NONE,
      attempts: [{ keyId: 'first', cause: 'rate_limited', providerRequestId: 'req_1' }],
    },
  ]);
});
