import { changeAccount } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { BUDGET, TENANT_OR_KEY, readBudget, readTenantOrKey } from '../options/account-options.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';

export const budgetsSet = defineCommand({
  name: 'budgets set',
  summary: 'gives a tenant or a client key a budget of its own',
  operands: [],
  options: { ...TENANT_OR_KEY, ...BUDGET, ...ACTOR },
  examples: [
    'omg budgets set --tenant acme --usd 500 --zone Europe/Berlin',
    'omg budgets set --key acme-ci --usd 20 --period day --hard',
    'omg budgets set --key acme-ci --usd 100 --rolling-days 30 --warn-at 0.5',
  ],
  async run(context, args) {
    const target = readTenantOrKey(args);
    await changeAccount(context, target, { limits: [], budget: readBudget(args) }, actorOf(args));
  },
});
