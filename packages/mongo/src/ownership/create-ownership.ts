import { OmgError } from '@omg/errors';
import type { Instant } from './instant.ts';
import type { Ownership, OwnershipOptions } from './ownership.ts';
import { OwnerStore } from './owner-store.ts';
import { OwnershipRunner } from './ownership-runner.ts';

/** Takes part in sharing out the ids until it is disposed of, which hands over at once. */
export async function createOwnership(options: OwnershipOptions): Promise<Ownership> {
  const { mongo, ids, holder, address, owners = 'owners', fences = 'fences' } = options;
  const store = new OwnerStore({ db: mongo.db, ids, holder, address, owners, fences });
  await store.createIndexes();
  const runner = new OwnershipRunner({ ...options, store, clock: options.clock ?? readClocks });
  return {
    owned: (id) => runner.owned(id),
    ownerOf: (id) => runner.ownerOf(id),
    notOwner(id) {
      const owner = runner.ownerOf(id);
      return new OmgError('not_owner', `${id} is not owned here`, { details: { id, address: owner?.address ?? '' } });
    },
    async [Symbol.asyncDispose]() {
      await runner[Symbol.asyncDispose]();
    },
  };
}

function readClocks(): Instant {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}
