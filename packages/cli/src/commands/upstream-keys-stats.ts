import type { keyBrokerV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { CommandFailure } from '../failures.ts';
import { renderFields } from '../output/field-list.ts';
import { formatCount } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { printable } from '../output/printable.ts';
import { EACH_PROVIDER, type Pool } from '../options/provider-option.ts';
import { listProviders } from '../remote/list-providers.ts';

const PAGE_SIZE = 1_000;

interface Totals {
  readonly slots: number;
  readonly requests: bigint;
  readonly tokens: bigint;
}

export const upstreamKeysStats = defineCommand({
  name: 'upstream-keys stats',
  summary: 'how many keys are in which state, what is left in reserve, and what was used in all',
  operands: [],
  options: EACH_PROVIDER,
  examples: ['omg upstream-keys stats', 'omg upstream-keys stats --provider ohmygpt --json | jq .statuses'],
  async run({ terminal, json, connection }, args) {
    const named = args.string('provider');
    const providers = await listProviders(connection.keyBroker());
    const asked = providers.filter(({ name }) => named === undefined || name === named);
    if (asked.length === 0)
      throw new CommandFailure(
        `key-broker has no such provider; there is ${providers.map(({ name }) => name).join(', ')}`,
      );
    for (const [index, provider] of asked.entries()) {
      const totals = await totalsOf({ provider: provider.name, admin: connection.keyAdmin() });
      const text = `${index === 0 ? '' : '\n'}${terminal.paint('bold', printable(provider.name))}\n`;
      await terminal.write(json ? jsonLine(toJson(provider, totals)) : text + renderFields(factsOf(provider, totals)));
    }
  },
});

async function totalsOf({ provider, admin }: Pool): Promise<Totals> {
  let totals: Totals = { slots: 0, requests: 0n, tokens: 0n };
  let pageToken = '';
  do {
    const request = { provider, statuses: [], search: '', pageSize: PAGE_SIZE, pageToken };
    const { keys, nextPageToken } = await admin.call(async (client, call) => await client.listKeys(request, call));
    for (const { slots, requestsCount, tokensUsed } of keys) {
      const { slots: slotsBefore, requests, tokens } = totals;
      totals = { slots: slotsBefore + slots, requests: requests + requestsCount, tokens: tokens + tokensUsed };
    }
    pageToken = nextPageToken;
  } while (pageToken !== '');
  return totals;
}

function factsOf(provider: keyBrokerV1.Provider, totals: Totals): readonly (readonly [string, string])[] {
  const { statuses, keys, keysAvailable, slotsInUse, backupKeysLeft, proxies, proxiesUsable } = provider;
  return [
    ['keys', `${formatCount(keys)}, ${formatCount(keysAvailable)} available`],
    ...statuses.map(({ status, count }): [string, string] => [`  ${printable(status)}`, formatCount(count)]),
    ['backup keys left', formatCount(backupKeysLeft)],
    ['proxies usable', `${formatCount(proxiesUsable)} of ${formatCount(proxies)}`],
    ['slots in use', `${formatCount(slotsInUse)} of ${formatCount(totals.slots)}`],
    ['requests', formatCount(totals.requests)],
    ['tokens', formatCount(totals.tokens)],
  ];
}

function toJson(provider: keyBrokerV1.Provider, totals: Totals): object {
  const { name, statuses, keys, keysAvailable, slotsInUse, backupKeysLeft, proxies, proxiesUsable } = provider;
  return {
    provider: name,
    keys,
    keysAvailable,
    statuses: Object.fromEntries(statuses.map(({ status, count }) => [status, count])),
    backupKeysLeft,
    proxies,
    proxiesUsable,
    slotsInUse,
    ...totals,
  };
}
