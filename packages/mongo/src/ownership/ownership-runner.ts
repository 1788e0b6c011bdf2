import type { Instant } from './instant.ts';
import type { Owned } from './owned.ts';
import type { OwnerStore } from './owner-store.ts';
import {
  initialState,
  isOut,
  stepOwnership,
  type OwnershipCommand,
  type OwnershipInput,
  type OwnershipState,
} from './ownership-state.ts';
import type { Owner, OwnershipOptions } from './ownership.ts';
import { ownedTerm, renewalDueInMs, type SlotEvent } from './slot.ts';
import { Tenure } from './tenure.ts';
import { CALL_MS, LEASE_MS, LOOK_EVERY_MS } from './timing.ts';
import { within } from './within.ts';

export interface RunnerOptions extends OwnershipOptions {
  readonly store: OwnerStore;
  readonly clock: () => Instant;
}

/** Does what the pure core commands, and tells it what came of it. */
export class OwnershipRunner implements AsyncDisposable {
  readonly #options: RunnerOptions;
  #state: OwnershipState;
  readonly #tenures = new Map<string, Tenure>();
  readonly #renewals = new Map<string, Promise<void>>();
  readonly #calls = new Set<Promise<void>>();
  readonly #out = Promise.withResolvers<void>();
  readonly #ticker: NodeJS.Timeout;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#state = initialState(options.holder, options.ids);
    const tick = (): void => {
      this.#feed({ type: 'tick' });
    };
    this.#ticker = setInterval(tick, LOOK_EVERY_MS);
    tick();
  }

  owned(id: string): Owned | undefined {
    const tenure = this.#tenures.get(id);
    return tenure?.isMine() === true ? tenure : undefined;
  }

  ownerOf(id: string): Owner | undefined {
    const own = this.owned(id);
    const { holder, address } = this.#options;
    if (own !== undefined) return { holder, address, term: own.term };
    const seen = this.#state.owners.get(id);
    if (seen === undefined || seen.isOver || seen.holder === holder) return undefined;
    return { holder: seen.holder, address: seen.address, term: seen.term };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#feed({ type: 'leave' });
    // work that does not end loses its lease meanwhile
    await within(LEASE_MS, this.#out.promise).catch(() => {});
    clearInterval(this.#ticker);
    for (const tenure of this.#tenures.values()) tenure.lose();
    while (this.#calls.size > 0) await Promise.all(this.#calls);
  }

  #feed(input: OwnershipInput): void {
    const { state, commands } = stepOwnership(this.#state, input, this.#options.clock());
    this.#state = state;
    for (const command of commands) this.#run(command);
    if (state.leaving && isOut(state)) this.#out.resolve();
  }

  #feedSlot(id: string, event: SlotEvent): void {
    this.#feed({ type: 'slot', id, event });
  }

  #run(command: OwnershipCommand): void {
    switch (command.type) {
      case 'look':
        this.#go(this.#look(command.beat));
        return;
      case 'resign':
        this.#go(this.#resign());
        return;
      case 'claim':
        this.#go(this.#claim(command));
        return;
      default:
        this.#runFor(this.#tenures.get(command.id), command);
    }
  }

  #runFor(tenure: Tenure | undefined, command: Exclude<OwnershipCommand, { type: 'look' | 'resign' | 'claim' }>): void {
    if (tenure?.term !== command.term) return;
    const { id, term } = tenure;
    switch (command.type) {
      case 'take_over':
        this.#go(this.#takeOver(tenure));
        return;
      case 'start':
        void this.#work(tenure);
        return;
      case 'renew': {
        const renewal = this.#renew(tenure, command.settled);
        this.#renewals.set(id, renewal);
        this.#go(renewal);
        return;
      }
      case 'release':
        this.#go(this.#release(tenure));
        return;
      case 'stop':
        if (command.reason === 'handed_over') tenure.stop();
        else {
          this.#lose(tenure);
          this.#options.onEvent({ type: 'lost', id, term });
        }
        return;
      case 'drop':
        this.#lose(tenure);
    }
  }

  #lose(tenure: Tenure): void {
    this.#tenures.delete(tenure.id);
    tenure.lose();
  }

  async #resign(): Promise<void> {
    await this.#attempt('resign', async () => {
      await this.#options.store.resign();
    });
  }

  async #look(beat: boolean): Promise<void> {
    const view = await this.#attempt('look', async () => await this.#options.store.look(beat));
    this.#feed({ type: 'looked', view });
  }

  async #claim({ id, term, seenTerm }: OwnershipCommand & { readonly type: 'claim' }): Promise<void> {
    const { mongo, store } = this.#options;
    const isMine = (): boolean => ownedTerm(this.#state.slots.get(id), this.#options.clock()) === term;
    const tenure = new Tenure({
      id,
      term,
      mongo,
      store,
      isMine,
      renewalDueInMs: () => (isMine() ? renewalDueInMs(this.#state.slots.get(id), this.#options.clock()) : 0),
      renew: async () => {
        this.#feedSlot(id, { type: 'renewal_due', term });
        await this.#renewals.get(id);
      },
      onMoved: () => {
        this.#feedSlot(id, { type: 'renewal_answered', term, result: 'refused' });
      },
    });
    const toEnd = await this.#attempt(
      'claim',
      async () => await store.claim({ id, term, seenTerm, lsid: tenure.lsid }),
    );
    if (toEnd === undefined) tenure.lose();
    else {
      tenure.toEnd = toEnd;
      this.#tenures.set(id, tenure);
    }
    this.#feedSlot(id, { type: 'claim_answered', term, won: toEnd !== undefined });
  }

  async #takeOver(tenure: Tenure): Promise<void> {
    const { id, term, toEnd } = tenure;
    const { store } = this.#options;
    const result = await this.#attempt('take over', async () => {
      await store.endSessions(toEnd);
      return await store.writeFence(id, term);
    });
    if (result !== undefined && 'fence' in result) tenure.fence = result.fence;
    this.#feedSlot(id, {
      type: 'fence_answered',
      term,
      result: result === undefined ? 'unknown' : 'fence' in result ? 'written' : result,
    });
  }

  async #work(tenure: Tenure): Promise<void> {
    const { id, term } = tenure;
    const { onEvent, work } = this.#options;
    onEvent({ type: 'won', id, term });
    try {
      await work(tenure);
      if (!tenure.signal.aborted) throw new Error('the work ended by itself');
    } catch (error) {
      if (tenure.isMine()) onEvent({ type: 'work_failed', id, term, error });
    }
    await tenure.end();
    this.#feedSlot(id, { type: 'work_ended', term });
  }

  async #renew(tenure: Tenure, settled: boolean): Promise<void> {
    const { id, term, lsid } = tenure;
    const kept = await this.#attempt(
      'renew',
      async () => await this.#options.store.renew(id, term, settled ? lsid : undefined),
    );
    const result = kept === undefined ? 'unknown' : kept ? 'kept' : 'refused';
    this.#feedSlot(id, { type: 'renewal_answered', term, result });
  }

  async #release(tenure: Tenure): Promise<void> {
    const { id, term } = tenure;
    await tenure.end();
    await this.#attempt('release', async () => {
      await this.#options.store.release(id, term);
    });
    this.#tenures.delete(id);
    this.#options.onEvent({ type: 'handed_over', id, term });
    this.#feedSlot(id, { type: 'release_answered', term });
  }

  async #attempt<T>(call: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await within(CALL_MS, work());
    } catch (error) {
      this.#options.onEvent({ type: 'call_failed', call, error });
      return undefined;
    }
  }

  #go(call: Promise<void>): void {
    const tracked = call.finally(() => {
      this.#calls.delete(tracked);
    });
    this.#calls.add(tracked);
  }
}
