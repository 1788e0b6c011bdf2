import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '@omg/testkit';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Inspector } from './inspector.ts';

/** What became of one client's stream. */
export interface Departed {
  readonly id: string;
  readonly status: number;
  readonly end: 'whole' | 'left' | 'broken';
  /** When it left, by the clock that the fake's books go by. */
  readonly leftAtMs: number;
}

export interface Visit {
  readonly id: string;
  /** Comes that much later than the first. */
  readonly afterMs: number;
  /** Leaves so long after it came, or after all had come. */
  readonly leaves?: { readonly afterMs: number; readonly of: 'its coming' | 'the last' };
}

const MODEL = 'claude-haiku-4-5-20251001';
const HeapUsage = z.object({ usedSize: z.number(), backingStorageSize: z.number() });

/** Clients with a stream each, of both dialects by turns; all on connections of their own. */
export async function crowd(url: string, key: string, visits: readonly Visit[]): Promise<readonly Departed[]> {
  await using cleanup = new AsyncDisposableStack();
  const dispatcher = cleanup.adopt(new Agent({ headersTimeout: 60_000, bodyTimeout: 60_000 }), async (agent) => {
    await agent.destroy();
  });
  const allCame = Promise.withResolvers<void>();
  let missing = visits.length;
  const onCome = (): void => {
    missing -= 1;
    if (missing === 0) allCame.resolve();
  };
  return await Promise.all(
    visits.map(
      async (visit, index) =>
        await stay({ url, key, dispatcher, isOpenai: index % 2 === 0, onCome, allCame: allCame.promise }, visit),
    ),
  );
}

interface Door {
  readonly url: string;
  readonly key: string;
  readonly dispatcher: Agent;
  readonly isOpenai: boolean;
  /** Its stream has begun. */
  readonly onCome: () => void;
  readonly allCame: Promise<void>;
}

async function stay(door: Door, { id, afterMs, leaves }: Visit): Promise<Departed> {
  await delay(afterMs);
  const leaving = new AbortController();
  let leftAtMs = 0;
  if (leaves !== undefined) {
    const from = leaves.of === 'the last' ? door.allCame : Promise.resolve();
    void from.then(async () => {
      await delay(leaves.afterMs);
      leftAtMs = performance.timeOrigin + performance.now();
      leaving.abort();
    });
  }
  let status = 0;
  let last = '';
  try {
    const response = await request(`${door.url}${door.isOpenai ? '/v1/chat/completions' : '/v1/messages'}`, {
      dispatcher: door.dispatcher,
      method: 'POST',
      headers: { authorization: `Bearer ${door.key}`, 'content-type': 'application/json', 'x-request-id': id },
      body: JSON.stringify({
        model: MODEL,
        stream: true,
        max_tokens: 1_000,
        messages: [{ role: 'user', content: `how many are we, ${id}?` }],
      }),
      signal: leaving.signal,
    });
    status = response.statusCode;
    door.onCome();
    for await (const chunk of response.body) last = (last + String(chunk)).slice(-100);
    return { id, status, end: /\[DONE\]|message_stop/.test(last) ? 'whole' : 'broken', leftAtMs };
  } catch {
    return { id, status, end: leaving.signal.aborted ? 'left' : 'broken', leftAtMs };
  }
}

/** Sockets that a process of the stack has open. */
export async function socketsOf(stack: Stack, name: string): Promise<number> {
  const directory = `/proc/${stack.pid(name) ?? 0}/fd`;
  const links = await Promise.all(
    (await readdir(directory)).map(async (fd) => await readlink(`${directory}/${fd}`).catch(() => '')),
  );
  return links.filter((link) => link.startsWith('socket:')).length;
}

/** Memory that a process needs, in MiB: without what is only not collected yet, which is a matter of chance. */
export async function neededMiB(inspector: Inspector): Promise<number> {
  await inspector.call('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize } = HeapUsage.parse(await inspector.call('Runtime.getHeapUsage'));
  return (usedSize + backingStorageSize) / 1_024 ** 2;
}

/** A number that a process of the stack tells of itself. */
export async function metricOf(stack: Stack, process: string, name: string): Promise<number | undefined> {
  const response = await fetch(`${stack.addresses.opsUrls[process] ?? ''}/metrics`);
  const value = new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(await response.text())?.[1];
  return value === undefined ? undefined : Number(value);
}
