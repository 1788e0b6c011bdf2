import { answered } from '../admin/write-keys.ts';
import { defineCommand } from '../command.ts';
import { writeRows } from '../output/pages.ts';
import { withNulls } from '../output/with-nulls.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { BINDING_COLUMNS } from '../views/binding.ts';

export const bindingsSet = defineCommand({
  name: 'bindings set',
  summary: 'binds a key to a proxy, or changes the binding',
  operands: ['key id', 'proxy id'],
  options: {
    ...ONE_PROVIDER,
    priority: { type: 'string', value: 'N', summary: '1 to 10, 1 is tried first (default: 1, or as it is)' },
    active: { type: 'string', value: 'on|off', summary: 'whether it is used (default: on, or as it is)' },
    ...ACTOR,
  },
  examples: [
    'omg bindings set key-1 proxy-1',
    'omg bindings set key-1 proxy-2 --priority 2 --provider ohmygpt',
    'omg bindings set key-1 proxy-1 --active off',
  ],
  async run(context, args) {
    const binding = {
      keyId: args.operand(0),
      proxyId: args.operand(1),
      priority: args.integer('priority', { min: 1, max: 10 }) ?? 0,
      active: args.onOff('active'),
      actor: actorOf(args),
    };
    const { provider, admin } = await openPool(context, args);
    const { binding: set } = await admin.call(
      async (client, call) => await client.setBinding({ provider, ...binding }, call),
    );
    await writeRows(context, [answered(set)], { columns: BINDING_COLUMNS, toJson: withNulls, none: '' });
  },
});
