import { defineCommand } from '../command.ts';
import { writeRows } from '../output/pages.ts';
import { withNulls } from '../output/with-nulls.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { BINDING_COLUMNS } from '../views/binding.ts';

export const bindingsList = defineCommand({
  name: 'bindings list',
  summary: 'which keys go through which proxies',
  operands: [],
  options: {
    ...ONE_PROVIDER,
    key: { type: 'string', value: 'ID', summary: 'only of this key' },
    proxy: { type: 'string', value: 'ID', summary: 'only to this proxy' },
  },
  examples: [
    'omg bindings list',
    'omg bindings list --provider ohmygpt --key key-1',
    `omg bindings list --json | jq -r 'select(.orphaned) | .keyId'`,
  ],
  async run(context, args) {
    const [keyId, proxyId] = [args.string('key') ?? '', args.string('proxy') ?? ''];
    const { provider, admin } = await openPool(context, args);
    const { bindings } = await admin.call(
      async (client, call) => await client.listBindings({ provider, keyId, proxyId }, call),
    );
    await writeRows(context, bindings, { columns: BINDING_COLUMNS, toJson: withNulls, none: 'No binding fits.' });
  },
});
