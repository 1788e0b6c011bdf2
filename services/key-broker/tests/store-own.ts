import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createOwnership, runOwnedLoop, type Mongo, type Owned } from '@omg/mongo';
import { SecretBox } from '../src/store/secret-box.ts';

// What test files and the processes that they start have in common.
export const PROVIDERS = ['ohmygpt', 'openhands'] as const;
export const NOW = Date.UTC(2026, 10, 21);
export const box = new SecretBox({ id: 'test', key: Buffer.alloc(32, 'k') });

export interface Taken {
  readonly owned: Owned;
  /** Hands over. */
  readonly leave: () => Promise<void>;
}

/** Owns a pool until it is left. */
export async function takePool(mongo: Mongo, provider: string): Promise<Taken> {
  const won = Promise.withResolvers<Owned>();
  const ownership = await createOwnership({
    mongo,
    ids: [provider],
    // members share what their collection has: here each takes what it is told to
    owners: `owners_${provider}`,
    holder: randomUUID(),
    address: '127.0.0.1:1',
    onEvent: () => undefined,
    async work(owned) {
      won.resolve(owned);
      await runOwnedLoop(owned, async (idleMs) => {
        await sleep(Math.min(idleMs, 20));
      });
    },
  });
  return {
    owned: await won.promise,
    leave: async () => {
      await ownership[Symbol.asyncDispose]();
    },
  };
}
