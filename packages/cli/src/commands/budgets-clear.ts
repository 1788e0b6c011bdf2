import { accountsAdminV1 } from '@omg/proto-gen';
import { changeAccount } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { TENANT_OR_KEY, readTenantOrKey } from '../options/account-options.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';

export const budgetsClear = defineCommand({
  name: 'budgets clear',
  summary: "takes a budget away: a tenant has the default then, a key its tenant's alone",
  operands: [],
  options: {
    ...TENANT_OR_KEY,
    none: { type: 'boolean', summary: 'and not even the default: only its credits are its limit' },
    ...ACTOR,
  },
  examples: ['omg budgets clear --key acme-ci', 'omg budgets clear --tenant acme --none'],
  async run(context, args) {
    const { BudgetRule } = accountsAdminV1;
    const budget = { rule: args.flag('none') ? BudgetRule.NONE : BudgetRule.DEFAULT };
    await changeAccount(context, readTenantOrKey(args), { limits: [], budget }, actorOf(args));
  },
});
