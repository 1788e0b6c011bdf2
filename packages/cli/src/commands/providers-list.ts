import type { keyBrokerV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { NOTHING, formatCount } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { Table, type Column } from '../output/table.ts';

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
  async run({ terminal, json, connection }) {
    const { providers } = await connection
      .keyBroker()
      .call(async (client, options) => await client.listProviders({}, options));
    if (json) await terminal.write(providers.map((provider) => jsonLine(toJson(provider))).join(''));
    else await terminal.write(new Table(COLUMNS, terminal).render(providers));
  },
});

function toJson(provider: keyBrokerV1.Provider): object {
  return {
    ...provider,
    endpoint: provider.endpoint ?? null,
    backupEndpoint: provider.backupEndpoint ?? null,
  };
}
