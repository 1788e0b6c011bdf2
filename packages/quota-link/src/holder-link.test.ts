import {
  createOwner,
  ownerAdvance,
  ownerConnect,
  ownerDisconnect,
  ownerFree,
  ownerReceive,
  ownerSetScope,
  type Admission,
  type HolderMessage,
  type OwnerMessage,
  type OwnerOutput,
  type QuotaOwner,
} from '@omg/quota';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HolderLink, type HolderConnection } from './holder-link.ts';

const SLOT = [{ scope: 's', need: { slots: 1 } }];
const OUTCOME = { tokens: 0, nanoUsd: 0 };

/** An owner in the same process, with a stream that delivers each frame in a turn of its own. */
class Peer {
  readonly frames: (readonly HolderMessage[])[] = [];
  readonly #owner: QuotaOwner;
  readonly #link: HolderLink;
  #connection: HolderConnection | undefined;
  #id = '';

  constructor(link: HolderLink, term: number, slots: number) {
    this.#link = link;
    this.#owner = createOwner(term, performance.now(), { longestRequestMs: 0, byStreamTime: false });
    ownerSetScope(this.#owner, { scope: 's', limits: { slots }, version: 1 }, performance.now());
  }

  get free(): number {
    return ownerFree(this.#owner, 's', performance.now())?.slots ?? 0;
  }

  connect(id: string): void {
    this.#id = id;
    const connection = this.#link.connect({
      send: (messages) => {
        this.frames.push(messages);
        setImmediate(() => {
          for (const message of messages) this.#hear(message);
        });
      },
      close: () => {
        this.drop();
      },
    });
    this.#connection = connection;
    this.#deliver(ownerConnect(this.#owner, { connection: id, epoch: 'holder', upTo: 0 }, performance.now()));
  }

  drop(): void {
    ownerDisconnect(this.#owner, this.#id, performance.now());
    this.#connection?.ended();
  }

  /** What waits for a recall is decided by the clock. */
  advance(): void {
    this.#deliver(ownerAdvance(this.#owner, performance.now() + 300));
  }

  #hear(message: HolderMessage): void {
    this.#deliver(ownerReceive(this.#owner, { connection: this.#id, message }, performance.now()));
  }

  #deliver(outputs: readonly OwnerOutput[]): void {
    const messages = outputs.flatMap((output): OwnerMessage[] => (output.kind === 'send' ? [output.message] : []));
    const connection = this.#connection;
    setImmediate(() => connection?.received(this.#owner.term, messages));
  }
}

let link: HolderLink;
beforeEach(() => {
  link = new HolderLink({ epoch: 'holder', failOpen: false, outageGraceMs: 60_000 });
});
afterEach(() => {
  link[Symbol.dispose]();
});

async function turns(count = 6): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise(setImmediate);
}

const decided = async (asked: Admission | Promise<Admission>): Promise<string> => (await asked).state;

test('a thousand requests of one turn are one frame', async () => {
  const peer = new Peer(link, 1, 1_000);
  peer.connect('a');
  await turns();
  const asked = Array.from({ length: 1_000 }, () => link.admit(SLOT));
  const states = await Promise.all(asked.map(decided));
  expect(new Set(states)).toEqual(new Set(['running']));
  expect(peer.frames.filter((frame) => frame.some(({ kind }) => kind === 'take'))).toHaveLength(1);
  expect(peer.free).toBe(0);
});

test('what is held serves at once, without a promise or a frame', async () => {
  const peer = new Peer(link, 1, 1);
  peer.connect('a');
  const first = await link.admit(SLOT);
  expect(link.holds('s', { slots: 1 })).toBe(false);
  expect(link.settle(first, OUTCOME)).toBe(true);
  expect(link.settle(first, OUTCOME)).toBe(false);
  expect(link.holds('s', { slots: 1 })).toBe(true);
  const frames = peer.frames.length;
  expect(link.admit(SLOT)).toMatchObject({ state: 'running' });
  await turns();
  expect(peer.frames).toHaveLength(frames);
});

test('who gives up waiting takes nothing, also when the grant is on its way', async () => {
  const peer = new Peer(link, 1, 1);
  peer.connect('a');
  await turns();
  const leaving = new AbortController();
  const asked = link.admit(SLOT, { signal: leaving.signal });
  await new Promise(setImmediate);
  leaving.abort();
  expect(await decided(asked)).toBe('ended');
  expect(await decided(link.admit(SLOT, { signal: leaving.signal }))).toBe('ended');
  expect(await decided(link.admit(SLOT))).toBe('running');
});

test('the end of a stream ends the waits that want it; the others are served by the next owner', async () => {
  const before = new Peer(link, 1, 0);
  before.connect('a');
  await turns();
  const ends = link.admit(SLOT, { endsWithStream: true });
  const stays = link.admit(SLOT);
  await turns(2);
  before.drop();
  expect(link.isLive).toBe(false);
  expect(await decided(ends)).toBe('ended');
  const next = new Peer(link, 2, 1);
  next.connect('b');
  expect(await decided(stays)).toBe('running');
  expect(link.term).toBe(2);
});

test('a stream that was replaced says nothing any more', async () => {
  const before = new Peer(link, 1, 1);
  before.connect('a');
  await turns();
  const next = new Peer(link, 2, 5);
  next.connect('b');
  await turns();
  before.drop();
  before.advance();
  await turns();
  expect([link.isLive, link.term]).toEqual([true, 2]);
  expect(await decided(link.admit(SLOT))).toBe('running');
});

test('a holder that leaves gives back what it has, and knows that the owner has heard it', async () => {
  const peer = new Peer(link, 1, 10);
  peer.connect('a');
  const running = await Promise.all(Array.from({ length: 4 }, async () => await link.admit(SLOT)));
  for (const admission of running.slice(1)) link.settle(admission, OUTCOME);
  expect(link.holds('s', { slots: 3 })).toBe(true);
  await link.returnHeld(5_000);
  expect(link.holds('s', { slots: 1 })).toBe(false);
  expect(peer.free).toBe(9);
});

test('a frame without messages is sent when there is something else to say, and only while an owner answers', async () => {
  const peer = new Peer(link, 1, 1);
  link.wake();
  peer.connect('a');
  await turns();
  const frames = peer.frames.length;
  link.wake();
  link.wake();
  await turns();
  expect(peer.frames.slice(frames)).toEqual([[]]);
});

test('nobody waits for a link that is disposed of', async () => {
  const asked = link.admit(SLOT);
  link[Symbol.dispose]();
  expect(await decided(asked)).toBe('ended');
  expect(await decided(link.admit(SLOT))).toBe('ended');
});
