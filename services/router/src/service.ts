import { randomUUIDv7 } from 'node:crypto';
import { affinityHash } from '@omg/affinity';
import { isClientKey, isLegacyKey } from '@omg/client-key';
import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import { openJournal, type AdoptedEpoch } from '@omg/journal';
import { USAGE_PARTITIONS, connectNats, createUsagePublisher, partitionOf } from '@omg/messaging';
import { accountsV1, keyBrokerV1 } from '@omg/proto-gen';
import { headerValue } from '@omg/llm-wire';
import { pause, repeat, startProcess, type Service } from '@omg/service';
import { contextFromTraceParent, traceParentOf, withSpan } from '@omg/telemetry';
import { Authenticator } from './app/authenticate.ts';
import { BadKeyLimit } from './app/bad-key-limit.ts';
import { makeCountTokens } from './app/count-tokens.ts';
import { makeLimitBadKeys } from './app/limit-bad-keys.ts';
import { limitProxies } from './app/limit-proxies.ts';
import { makeListModels } from './app/list-models.ts';
import type { Clock } from './app/ports.ts';
import { makeOwnAccount } from './app/own-account.ts';
import { makePrepareRequest } from './app/prepare-request.ts';
import { RefusalCounts } from './app/refusal-counts.ts';
import { makeRelayRequest } from './app/relay-request.ts';
import { AllowanceHolder } from './clients/allowance-holder.ts';
import { grpcAccountDirectory } from './clients/grpc-account-directory.ts';
import { grpcOwnAccounts } from './clients/grpc-own-accounts.ts';
import { LedgerHold } from './clients/ledger-hold.ts';
import { LeaseHolder } from './clients/lease-holder/lease-holder.ts';
import { LedgerReplicas } from './clients/ledger-replicas.ts';
import { LivePrices } from './clients/live-prices.ts';
import { UndiciUpstream } from './clients/undici-upstream.ts';
import type { Config } from './config.ts';
import { UsageLearner } from './domain/usage-learner.ts';
import { makeEvents } from './events.ts';
import { buildApp } from './http/build-app.ts';
import { startListening } from './http/listening.ts';
import { OpenStreams } from './http/open-streams.ts';
import { JournaledOutbox } from './messaging/journaled-outbox.ts';
import { followSite } from './read-site.ts';
import { startRefusalPublisher } from './messaging/refusal-publisher.ts';
import { watchJournal } from './messaging/watch-journal.ts';

export interface Overrides {
  readonly clock?: Clock;
}

const MAX_ACCOUNTS = 100_000;
const MAX_ADDRESSES = 10_000;
const MAX_REFUSAL_ROWS = 10_000;
const ADOPT_EVERY_MS = 10_000;
const SITE_FILE_EVERY_MS = 2_000;

/** Builds the router of its parts and starts it. */
export async function startService(config: Config, overrides: Overrides = {}): Promise<Service> {
  await using stack = new AsyncDisposableStack();
  const clock = overrides.clock ?? { now: () => new Date(), monotonicMs: () => performance.now() };
  // what it is does not change while the process runs, what it serves and how does
  const { site } = config;
  const process = stack.use(await startProcess(config.process));
  const { telemetry, readiness } = process;
  const events = makeEvents(telemetry);
  const epoch = randomUUIDv7();
  const followed = stack.use(
    followSite({
      path: config.siteFile,
      first: site,
      everyMs: SITE_FILE_EVERY_MS,
      onTaken: events.siteTaken,
      onRefused: events.siteRefused,
    }),
  );

  const grpc = { token: config.serviceToken, tls: config.tls, telemetry, deadlineMs: 2_000 };
  const connectLedger = (address: string): GrpcClient<accountsV1.AccountsService> & Disposable =>
    createGrpcClient(accountsV1.AccountsService, { ...grpc, address });
  const ledger = stack.use(new LedgerReplicas(config.ledgerAddresses.map(connectLedger)));
  // a router that never met its ledger and its broker would refuse everything; one that lost them lives on what it has
  readiness.set('usage-ledger', 'not reached yet');
  readiness.set('key-broker', 'not reached yet');
  readiness.set('prices', 'not read yet');
  readiness.set('accounts', 'not all owners of accounts are reached yet');
  const broker = stack.use(
    new LeaseHolder({
      provider: site.provider,
      epoch,
      addresses: config.brokerAddresses,
      connect: (address) => createGrpcClient(keyBrokerV1.KeyBrokerService, { ...grpc, address }),
      events: {
        connected: (address) => {
          readiness.set('key-broker', true);
          events.brokerConnection(true, address);
        },
        disconnected: (error) => {
          events.brokerConnection(false, error);
        },
        refused: events.leaseRefused,
        outcomeForgotten: events.outcomeForgotten,
      },
    }),
  );

  const nats = stack.use(
    await connectNats({ url: config.natsUrl, name: config.process.instance, onStatus: events.natsConnection }),
  );
  const publisher = stack.use(createUsagePublisher({ nats, stream: config.stream, onRetry: events.publishRetried }));
  const refusals = new RefusalCounts({ maxRows: MAX_REFUSAL_ROWS });
  stack.use(
    startRefusalPublisher({
      nats,
      stream: config.refusalsStream,
      counts: refusals,
      epoch,
      site: site.name,
      onRetry: events.refusalsRetried,
    }),
  );
  const journal = stack.use(await openJournal({ dir: config.journalDir, epoch, maxBytes: config.journalMaxBytes }));
  const outbox = new JournaledOutbox({
    journal,
    publisher,
    site: site.name,
    provider: site.provider,
    now: clock.now,
    onProgressLost: events.progressLost,
  });
  // what routers that died have left: at the start, and later that of a peer on a shared volume
  const workOff = async (left: readonly AdoptedEpoch[]): Promise<void> => {
    for (const adopted of left) {
      events.adopted(adopted);
      await outbox.resend(adopted);
    }
  };
  const tellOfJournal = watchJournal(journal, telemetry);
  tellOfJournal();
  await workOff(journal.adopted);
  readiness.check('journal', () => (journal.full === undefined ? true : `the journal is full by ${journal.full}`));

  const authenticator = new Authenticator({
    directory: grpcAccountDirectory(ledger, site.name),
    isKey: (text) => isClientKey(text) || isLegacyKey(text, config.legacyKeyPrefixes),
    clock,
    maxCached: MAX_ACCOUNTS,
  });
  const prices = stack.use(
    new LivePrices({
      client: ledger,
      site: site.name,
      onRead: (result) => {
        if (result === true) readiness.set('prices', true);
      },
    }),
  );
  const allowances = stack.use(
    new AllowanceHolder({
      partitions: USAGE_PARTITIONS,
      partitionOf,
      epoch,
      addresses: config.ledgerAddresses,
      connect: (address) => {
        const client = connectLedger(address);
        return {
          hold: (signal) => client.holdAllowances(signal),
          [Symbol.dispose]: () => {
            client[Symbol.dispose]();
          },
        };
      },
      onReached: () => {
        readiness.set('accounts', true);
      },
      onError: events.allowanceStream,
    }),
  );
  events.accountPartitions(() => allowances.connected);
  const usual = new Map<string, UsageLearner>();
  const learnerOf = (model: string): UsageLearner => usual.getOrInsertComputed(model, () => new UsageLearner());
  const hold = stack.use(
    new LedgerHold({
      client: ledger,
      epoch,
      onChanged: (what) => {
        if (what === 'prices' || what === '*') prices.refresh();
        if (what === '*') authenticator.refreshAll();
        else authenticator.forget(what);
      },
      adoptedEpochs: () => journal.adopted.map((adopted) => adopted.epoch),
      onCommitted: ({ epoch: of, partition, upTo }) => {
        journal.committed(of, partition, upTo);
      },
      onConnected: (connected, error) => {
        if (connected) {
          readiness.set('usage-ledger', true);
          // what changed while nobody told
          authenticator.refreshAll();
          prices.refresh();
        }
        events.ledgerConnection(connected, error);
      },
    }),
  );
  const adoptPeers = async (): Promise<void> => {
    const left = await journal.adoptDead();
    tellOfJournal();
    await workOff(left);
    if (left.length > 0) hold.renew();
  };
  stack.use(repeat(ADOPT_EVERY_MS, adoptPeers, events.adoptingFailed));

  const authenticate = makeLimitBadKeys({
    authenticator,
    limit: new BadKeyLimit({ perMinute: config.badKeysPerMinute, maxAddresses: MAX_ADDRESSES, clock }),
    onBadKey: events.badKey,
  });
  const forwarding = {
    site: followed.current,
    prepare: makePrepareRequest({
      site: followed.current,
      affinityHash,
      authenticate,
      prices,
      usualOf: (model) => learnerOf(model).usual,
      onUnpriced: events.unpriced,
    }),
    broker: limitProxies(broker, () => followed.current().proxies),
    upstream: stack.use(new UndiciUpstream({ connectTimeoutMs: () => followed.current().deadlines.connectMs })),
    allowances,
    clock,
  };
  const relay = makeRelayRequest({
    ...forwarding,
    retry: () => followed.current().retry,
    outbox,
    learn: (model, used) => {
      learnerOf(model).learn(used);
    },
    traceParent: () => traceParentOf() ?? '',
    onSettled: events.settled,
  });
  const openStreams = new OpenStreams();
  events.openStreams(() => openStreams.count);
  readiness.check('open streams', () => openStreams.within(followed.current().maxOpenStreams));
  const app = buildApp({
    relay: async (request, sink) => {
      const traceParent = headerValue(request.headers, 'traceparent');
      // nobody is told of its span, and there is none above it to be passed on
      if (config.process.otlpEndpoint === undefined && traceParent === undefined) {
        await relay(request, sink);
        return;
      }
      const parent = contextFromTraceParent(traceParent);
      const attributes = { 'omg.request_id': request.requestId, 'omg.site': site.name };
      await withSpan(telemetry.tracer, `relay ${request.dialect}`, { kind: 'server', parent, attributes }, async () => {
        await relay(request, sink);
      });
    },
    countTokens: makeCountTokens({ ...forwarding, onCounted: events.counted }),
    listModels: makeListModels({ site: followed.current, authenticate }),
    authenticate,
    site: followed.current,
    trustedProxies: config.trustedProxies,
    openStreams,
    ownAccount: makeOwnAccount({ authenticate, directory: grpcOwnAccounts(ledger), site: followed.current, clock }),
    clock,
    onFault: events.fault,
    onRefused: (refusal) => {
      refusals.add(refusal, clock.now());
      events.refused(refusal);
    },
  });

  const listening = stack.use(await startListening(app, config.host, config.port));
  telemetry.logger.info({ site: site.name, host: config.host, port: listening.port, epoch }, 'listening');
  readiness.serve();
  return {
    process,
    resources: stack.move(),
    drain: async (signal) => {
      await listening.drain(signal, config.drainPauseMs);
      while (journal.epochsWithUncommitted().length > 0 && !signal.aborted) await pause(20, signal);
    },
  };
}
