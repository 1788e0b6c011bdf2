import { makeClientKey } from '@omg/client-key';
import type { StackTenant } from '../stack/stack-options.ts';

/** A twentieth of a dollar is spent in some seconds. */
const SMALL_USD = 0.05;
const MODEL = 'claude-haiku-4-5';
const PAUSE_MS = 100;
const TIMEOUT_MS = 60_000;

export const HARD = 'hard';
export const SMALL_NANO_USD = BigInt(SMALL_USD * 1e9);

export const CHAOS_TENANTS: readonly StackTenant[] = [HARD, 'soft', 'a', 'b', 'c', 'd'].map((id) => ({
  id,
  name: id,
  type: 'organization',
  creditsUsd: '1000',
  ...(id === HARD || id === 'soft' ? { budget: { usd: SMALL_USD, period: 'month', hard: id === HARD } } : {}),
  keys: [{ id: `${id}-key`, name: 'key', key: makeClientKey() }],
}));

/** How often clients saw what, by tenant. */
export type Seen = Map<string, number>;

/** One client: one request after the other, until the signal. */
export async function sendRequests(
  number: number,
  { urls, seen, signal }: { readonly urls: readonly string[]; readonly seen: Seen; readonly signal: AbortSignal },
): Promise<void> {
  const tenant = CHAOS_TENANTS[number % CHAOS_TENANTS.length];
  const note = (what: string): void => {
    const name = `${tenant?.id ?? ''}: ${what}`;
    seen.set(name, (seen.get(name) ?? 0) + 1);
  };
  for (let turn = number; !signal.aborted; turn += 1) {
    try {
      const response = await fetch(`${urls[turn % urls.length] ?? ''}/v1/messages`, {
        method: 'POST',
        headers: { 'x-api-key': tenant?.keys[0]?.key ?? '', 'content-type': 'application/json' },
        body: JSON.stringify({
          model: MODEL,
          max_tokens: 60,
          stream: number % 2 === 0,
          messages: [{ role: 'user', content: 'what becomes of a token when its gateway is killed?' }],
        }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.arrayBuffer();
      note(String(response.status));
      if (response.ok) continue;
    } catch {
      note('the connection broke, or was refused');
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
