import { defineCommand } from '../command.ts';
import { writeRows } from '../output/pages.ts';
import { ANY_PROVIDER, openAnyPool } from '../options/provider-option.ts';
import { proxyColumns, proxyToJson } from '../views/proxy.ts';

export const proxiesList = defineCommand({
  name: 'proxies list',
  summary: 'the proxies, how many keys are bound to each, and how the pools see them',
  operands: [],
  options: ANY_PROVIDER,
  examples: ['omg proxies list', `omg proxies list --json | jq -r 'select(.active | not) | .proxyId'`],
  async run(context, args) {
    const { provider, admin } = await openAnyPool(context, args);
    const { proxies } = await admin.call(async (client, call) => await client.listProxies({ provider }, call));
    await writeRows(context, proxies, {
      columns: proxyColumns(Date.now()),
      toJson: proxyToJson,
      none: 'There is no proxy.',
    });
  },
});
