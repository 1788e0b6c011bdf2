import { ownerOutstanding } from '@omg/quota';
import type { OutstandingBooks, OutstandingRow } from '../audit/audit-ports.ts';
import type { AllowanceKeeper } from './allowance-keeper.ts';
import type { AllowanceOffices } from './allowance-offices.ts';

/** What routers have of the partitions that this process owns. */
export function outstandingBooks(
  offices: Pick<AllowanceOffices, 'all' | 'addressOf'>,
  partitions: number,
): OutstandingBooks {
  return {
    list: async () => {
      const keepers = [...offices.all].filter(({ isMine }) => isMine);
      const here = new Set(keepers.map(({ partition }) => partition));
      const others = Array.from({ length: partitions }, (_, partition) => partition).filter((each) => !here.has(each));
      return await Promise.resolve({
        rows: keepers.flatMap(rowsOf),
        elsewhere: Map.groupBy(others, (partition) => offices.addressOf(partition)),
      });
    },
  };
}

function rowsOf({ partition, owner }: AllowanceKeeper): readonly OutstandingRow[] {
  return [...owner.scopes.keys()].flatMap((scope) =>
    Array.from(ownerOutstanding(owner, scope), ([holderEpoch, amounts]) => ({
      partition,
      scope,
      holderEpoch,
      // who fell silent has what it reserved until that is charged or must be over
      live: owner.holders.get(holderEpoch)?.released === false,
      amounts: Object.fromEntries(
        Object.entries(amounts).map(([dimension, amount = 0]) => [dimension, BigInt(Math.floor(amount))]),
      ),
    })),
  );
}
