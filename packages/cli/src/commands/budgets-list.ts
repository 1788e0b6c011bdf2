import { defineAccountList } from '../admin/define-account-list.ts';
import { formatBudget, formatWindow, budgetToJson } from '../views/account.ts';

export const budgetsList = defineAccountList({
  group: 'budgets',
  summary: 'the budget that counts for each tenant, or each key of one, and its window',
  columns: [
    { title: 'BUDGET', value: ({ budget }) => formatBudget(budget) },
    { title: 'WINDOW', value: ({ budget }) => formatWindow(budget), leaveOut: 1 },
  ],
  toJson: ({ budget }) => budgetToJson(budget) ?? {},
});
