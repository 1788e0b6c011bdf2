import { changeProxies } from '../admin/change-proxies.ts';
import { defineCommand } from '../command.ts';
import { ACTOR } from '../options/actor-option.ts';
import { ANY_PROVIDER } from '../options/provider-option.ts';

export const proxiesEnable = defineCommand({
  name: 'proxies enable',
  summary: 'lets proxies be used again',
  operands: [],
  lastOperand: { name: 'proxy id', takes: 'one or more' },
  options: { ...ANY_PROVIDER, ...ACTOR },
  examples: ['omg proxies enable proxy-1', 'omg proxies enable proxy-1 proxy-2 --actor me'],
  async run(context, args) {
    await changeProxies(context, args, { ids: args.operandsFrom(0), fields: { active: true } });
  },
});
