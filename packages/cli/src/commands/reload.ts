import type { keyAdminV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { formatCount } from '../output/format.ts';
import { writeRows } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { EACH_PROVIDER, openPools } from '../options/provider-option.ts';

interface Reloaded extends keyAdminV1.ReloadResponse {
  readonly provider: string;
}

const COLUMNS: readonly Column<Reloaded>[] = [
  { title: 'PROVIDER', value: ({ provider }) => provider },
  { title: 'KEYS', align: 'right', value: ({ keys }) => formatCount(keys) },
  { title: 'BACKUP KEYS', align: 'right', value: ({ backupKeys }) => formatCount(backupKeys) },
  { title: 'PROXIES', align: 'right', value: ({ proxies }) => formatCount(proxies) },
  { title: 'BINDINGS', align: 'right', value: ({ bindings }) => formatCount(bindings) },
];

export const reload = defineCommand({
  name: 'reload',
  summary: 'has key-broker read its pools from the database now, and tells what it found',
  operands: [],
  options: EACH_PROVIDER,
  examples: ['omg reload', 'omg reload --provider ohmygpt --json'],
  async run(context, args) {
    const reloaded: Reloaded[] = [];
    for (const { provider, admin } of await openPools(context, args)) {
      const counts = await admin.call(async (client, call) => await client.reload({ provider }, call));
      reloaded.push({ provider, ...counts });
    }
    await writeRows(context, reloaded, { columns: COLUMNS, toJson: (row) => row, none: '' });
  },
});
