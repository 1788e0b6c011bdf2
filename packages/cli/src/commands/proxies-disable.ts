import { changeProxies } from '../admin/change-proxies.ts';
import { defineCommand } from '../command.ts';
import { ACTOR } from '../options/actor-option.ts';
import { ANY_PROVIDER } from '../options/provider-option.ts';

export const proxiesDisable = defineCommand({
  name: 'proxies disable',
  summary: 'uses proxies no longer; what runs may end',
  operands: [],
  lastOperand: { name: 'proxy id', takes: 'one or more' },
  options: { ...ANY_PROVIDER, ...ACTOR },
  examples: ['omg proxies disable proxy-1', 'omg proxies disable proxy-1 proxy-2 --actor me'],
  async run(context, args) {
    await changeProxies(context, args, { ids: args.operandsFrom(0), fields: { active: false } });
  },
});
