import { OmgError } from '@omg/errors';
import { JournalError, type AdoptedEpoch, type Journal } from '@omg/journal';
import { partitionOf, type UsagePublisher } from '@omg/messaging';
import { encodeMessage, eventsV1 } from '@omg/proto-gen';
import { NO_TOKENS } from '../app/attempt-outcome.ts';
import type { OpenedRequest, Outbox, Progress, SettledRequest } from '../app/ports.ts';
import { parseOpened, parseProgress, serialiseOpened, serialiseProgress } from './journal-records.ts';
import { toUsageEvent } from './to-usage-event.ts';

export interface JournaledOutboxOptions {
  readonly journal: Journal;
  readonly publisher: UsagePublisher;
  readonly site: string;
  readonly provider: string;
  readonly now: () => Date;
  readonly onProgressLost: (error: unknown) => void;
}

/** Writes every request into the journal, and what became of it on its way to the ledger. */
export class JournaledOutbox implements Outbox {
  readonly #options: JournaledOutboxOptions;

  constructor(options: JournaledOutboxOptions) {
    this.#options = options;
  }

  opened(request: OpenedRequest): void {
    try {
      this.#options.journal.opened(request.requestId, partitionOf(request.account.tenantId), serialiseOpened(request));
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      throw new OmgError('unavailable', 'the journal takes no more requests', { cause: error });
    }
  }

  progress(requestId: string, progress: Progress): void {
    try {
      this.#options.journal.progress(requestId, serialiseProgress(progress));
    } catch (error) {
      this.#options.onProgressLost(error);
    }
  }

  settled(request: SettledRequest): number {
    const { journal } = this.#options;
    // the router keeps what it costs until it is charged, whatever was reserved
    const money = request.allowance.money.map((reserve) => ({ ...reserve, nanoUsd: request.costNanoUsd }));
    return this.#number(
      { ...request, allowance: { ...request.allowance, money } },
      journal.epoch,
      (requestId, partition, encode) => journal.done(requestId, partition, encode),
    );
  }

  /** Sends again what a dead process had not brought into the books, and reports what it had running. */
  async resend(adopted: AdoptedEpoch): Promise<void> {
    const { journal, publisher, now } = this.#options;
    for await (const { partition, payload } of journal.events(adopted.epoch)) publisher.publish(partition, payload);
    for (const { requestId, opened, progress } of adopted.lost) {
      const known = parseOpened(opened);
      const request = lostRequest(
        known,
        progress === undefined
          ? { tokens: NO_TOKENS, keyId: known.keyId, providerRequestId: '', failed: [] }
          : parseProgress(progress),
        now(),
      );
      this.#number(request, adopted.epoch, (_, partition, encode) =>
        journal.settleLost(adopted.epoch, requestId, partition, encode),
      );
    }
  }

  #number(
    request: SettledRequest,
    epoch: string,
    done: (requestId: string, partition: number, encode: (number: bigint) => Uint8Array) => bigint,
  ): number {
    const { publisher, site, provider } = this.#options;
    const partition = partitionOf(request.account.tenantId);
    let event: Uint8Array = new Uint8Array();
    const given = done(request.requestId, partition, (number) => {
      event = encodeMessage(eventsV1.UsageEvent, toUsageEvent(request, { epoch, partition, number, site, provider }));
      return event;
    });
    publisher.publish(partition, event);
    return Number(given);
  }
}

/** What is known of a request whose router died: that it ran, and what it had delivered a second before. */
function lostRequest(opened: OpenedRequest, progress: Progress, now: Date): SettledRequest {
  const { tokens, keyId, providerRequestId, failed } = progress;
  const last = failed.at(-1);
  const running = {
    keyId,
    proxyId: '',
    endpoint: '',
    statusCode: 0,
    cause: 'router_lost',
    providerRequestId,
    // not before the one before it had ended
    startedAt: last === undefined ? opened.acceptedAt : new Date(last.startedAt.getTime() + last.durationMs),
    durationMs: 0,
    leaseGeneration: 0n,
  };
  return {
    ...opened,
    latencyMs: Math.max(0, now.getTime() - opened.acceptedAt.getTime()),
    firstTokenMs: undefined,
    statusCode: 499,
    success: false,
    finishReason: '',
    abortReason: 'router_lost',
    tokens,
    usageSource: Object.values(tokens).some((count) => count > 0) ? 'estimated' : 'none',
    // the ledger reckons by the tokens
    costNanoUsd: 0,
    attempts: keyId === '' ? failed : [...failed, running],
  };
}
