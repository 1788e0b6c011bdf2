import type { keyAdminV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { formatCount } from '../output/format.ts';
import { writeRows } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { EACH_PROVIDER, openPools } from '../options/provider-option.ts';

interface Repaired extends keyAdminV1.RepairBindingsResponse {
  readonly provider: string;
}

const COLUMNS: readonly Column<Repaired>[] = [
  { title: 'PROVIDER', value: ({ provider }) => provider },
  { title: 'CHECKED', align: 'right', value: ({ checked }) => formatCount(checked) },
  { title: 'REPAIRED', align: 'right', value: ({ repaired }) => formatCount(repaired) },
  { title: 'DELETED', align: 'right', value: ({ deleted }) => formatCount(deleted) },
];

export const bindingsRepair = defineCommand({
  name: 'bindings repair',
  summary: 'gives bindings whose key is gone to the key in its place, or deletes them where there is none',
  operands: [],
  options: { ...EACH_PROVIDER, ...ACTOR },
  examples: ['omg bindings repair', 'omg bindings repair --provider ohmygpt --json'],
  async run(context, args) {
    const actor = actorOf(args);
    const repaired: Repaired[] = [];
    for (const { provider, admin } of await openPools(context, args)) {
      const counts = await admin.call(async (client, call) => await client.repairBindings({ provider, actor }, call));
      repaired.push({ provider, ...counts });
    }
    await writeRows(context, repaired, { columns: COLUMNS, toJson: (row) => row, none: '' });
  },
});
