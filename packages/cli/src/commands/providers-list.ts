import type { keyBrokerV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { NOTHING, formatCount } from '../output/format.ts';
import { writeRows } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';
import { listProviders } from '../remote/list-providers.ts';

const COLUMNS: readonly Column<keyBrokerV1.Provider>[] = [
  { title: 'PROVIDER', value: ({ name }) => name },
  {
    title: 'READY',
    value: ({ ready }) => (ready ? 'yes' : 'no'),
    style: ({ ready }) => (ready ? 'green' : 'red'),
  },
  { title: 'KEYS', align: 'right', value: ({ keys }) => formatCount(keys) },
  { title: 'AVAILABLE', align: 'right', value: ({ keysAvailable }) => formatCount(keysAvailable) },
  { title: 'SLOTS IN USE', align: 'right', value: ({ slotsInUse }) => formatCount(slotsInUse) },
  { title: 'BACKUPS LEFT', align: 'right', value: ({ backupKeysLeft }) => formatCount(backupKeysLeft), leaveOut: 4 },
  {
    title: 'PROXIES',
    align: 'right',
    value: ({ proxies, proxiesUsable }) => `${formatCount(proxiesUsable)}/${formatCount(proxies)}`,
    leaveOut: 3,
  },
  { title: 'NOT READY BECAUSE', value: ({ ready, reason }) => (ready ? NOTHING : reason || NOTHING) },
  { title: 'ENDPOINT', value: ({ endpoint }) => endpoint?.baseUrl ?? NOTHING, leaveOut: 2 },
  {
    title: 'BACKUP ENDPOINT',
    value: ({ backupEndpoint }) => backupEndpoint?.baseUrl ?? NOTHING,
    leaveOut: 1,
  },
];

export const providersList = defineCommand({
  name: 'providers list',
  summary: 'the providers that key-broker has a pool for',
  operands: [],
  options: {},
  examples: ['omg providers list', `omg providers list --json | jq -r 'select(.ready | not) | .name'`],
  async run(context) {
    const providers = await listProviders(context.connection.keyBroker());
    await writeRows(context, providers, { columns: COLUMNS, toJson: withNulls, none: 'There is no provider.' });
  },
});
