import { OmgError } from '@omg/errors';
import type { DuplexCall } from '@omg/grpc';
import { pause } from '@omg/service';

/** A client of one replica, as far as it is needed for a stream. */
export interface OwnerClient<Request, Response> extends Disposable {
  readonly hold: (signal: AbortSignal) => DuplexCall<Request, Response>;
}

export interface OpenStream<Request> {
  readonly address: string;
  readonly send: (request: Request) => void;
  readonly close: () => void;
}

/** The other end of a stream. */
export interface OwnerReceiver<Response> {
  /** False: it was of an owner that is none any more. */
  received: (response: Response) => boolean;
  ended: () => void;
}

export interface OwnerStreamOptions<Request, Response> {
  /** `host:port` of a replica, or of several: whichever answers leads to the owner. */
  readonly addresses: readonly string[];
  readonly connect: (address: string) => OwnerClient<Request, Response>;
  /** The first message. */
  readonly opening: Request;
  readonly onOpen: (stream: OpenStream<Request>) => OwnerReceiver<Response>;
  /** What ended a stream, or stood in the way of one. */
  readonly onError: (error: unknown) => void;
}

interface HoldEnd {
  readonly wasHeard: boolean;
  /** It was given up because nothing came. */
  readonly wasSilent: boolean;
  readonly error: unknown;
}

/** An owner that is alive answers at once, and from then on each second's state. */
const SILENCE_MS = 2_000;
/** One that fell silent a moment ago may be there again, or stand still for long: it has less time to answer. */
const QUICK_ANSWER_MS = 300;
const RECENTLY_MS = 10_000;
/** Meanwhile others are asked, of whom one may be its successor. */
const REST_MS = 1_000;
/** Whoever answered for so long is not one that fails again and again. */
const LIVED_MS = 1_000;
/** A successor is to be found as soon as there is one. */
const MAX_PAUSE_MS = 250;
/** Replicas that name each other do not know it yet. */
const MAX_HOPS = 3;

/** Keeps a stream to the owner of a pool or of a partition up, whoever that is at the moment. */
export class OwnerStream<Request, Response> implements AsyncDisposable {
  readonly #options: OwnerStreamOptions<Request, Response>;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: OwnerStreamOptions<Request, Response>) {
    this.#options = options;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { addresses, onError } = this.#options;
    const { signal } = this.#stopped;
    // whoever made this is not called back before it has it
    await Promise.resolve();
    let turn = 0;
    let target = addresses[turn] ?? '';
    let silent = { address: '', sinceMs: -Infinity, restsUntilMs: -Infinity };
    const rests = (address: string): boolean => address === silent.address && performance.now() < silent.restsUntilMs;
    let hops = 0;
    let failures = 0;
    while (!signal.aborted) {
      const startedMs = performance.now();
      const wasSilentBefore = target === silent.address && startedMs < silent.sinceMs + RECENTLY_MS;
      const { wasHeard, wasSilent, error } = await this.#hold(target, wasSilentBefore ? QUICK_ANSWER_MS : SILENCE_MS);
      if (signal.aborted) return;
      onError(error);
      const owner = ownerNamedBy(error);
      if (wasHeard) hops = 0;
      if (wasSilent) {
        const nowMs = performance.now();
        const sinceMs = wasSilentBefore ? silent.sinceMs : nowMs;
        silent = { address: target, sinceMs, restsUntilMs: nowMs + REST_MS };
      }
      if (owner !== undefined && owner !== target && !rests(owner) && hops < MAX_HOPS) {
        hops += 1;
        target = owner;
        continue;
      }
      hops = 0;
      // one that is away says nothing of the others
      turn = (turn + 1) % addresses.length;
      if (rests(addresses[turn] ?? '')) turn = (turn + 1) % addresses.length;
      target = addresses[turn] ?? '';
      failures = wasHeard && performance.now() - startedMs > LIVED_MS ? 0 : failures + 1;
      const rounds = Math.floor(failures / addresses.length);
      if (rounds > 0) await pause(Math.min(MAX_PAUSE_MS, 50 * 2 ** Math.min(rounds, 10)), signal);
    }
  }

  /** One stream, from its opening to its end. */
  async #hold(address: string, firstAnswerMs: number): Promise<HoldEnd> {
    const { connect, opening, onOpen } = this.#options;
    using client = connect(address);
    const closed = new AbortController();
    const close = (): void => {
      closed.abort();
    };
    let wasSilent = false;
    // a process that stands still keeps its connections, and their own keepalive takes many seconds to tell
    const giveUp = (): void => {
      wasSilent = true;
      close();
    };
    let silence = setTimeout(giveUp, firstAnswerMs);
    const call = client.hold(AbortSignal.any([closed.signal, this.#stopped.signal]));
    const send = (request: Request): void => {
      if (!closed.signal.aborted) call.send(request);
    };
    const receiver = onOpen({ address, send, close });
    let wasHeard = false;
    try {
      send(opening);
      for await (const response of call.responses) {
        clearTimeout(silence);
        silence = setTimeout(giveUp, SILENCE_MS);
        if (!receiver.received(response)) throw new OmgError('not_owner', 'the owner is none any more');
        wasHeard = true;
      }
      return { wasHeard, wasSilent, error: new OmgError('unavailable', 'the owner ended the stream') };
    } catch (error) {
      return { wasHeard, wasSilent, error };
    } finally {
      clearTimeout(silence);
      close();
      receiver.ended();
    }
  }
}

function ownerNamedBy(error: unknown): string | undefined {
  if (!(error instanceof OmgError) || error.code !== 'not_owner') return undefined;
  const { address } = error.details;
  return address === '' ? undefined : address;
}
