import { defineAccountList } from '../admin/define-account-list.ts';
import {
  budgetToJson,
  formatBudget,
  formatLeft,
  formatMayPassBy,
  formatSpent,
  formatWindow,
} from '../views/account.ts';

export const budgetsList = defineAccountList({
  group: 'budgets',
  summary: 'the budget that counts for each tenant, or each key of one, and its window',
  columns: [
    { title: 'BUDGET', value: ({ budget }) => formatBudget(budget) },
    { title: 'SPENT', align: 'right', value: ({ budget }) => formatSpent(budget) },
    { title: 'LEFT', align: 'right', value: ({ budget }) => formatLeft(budget), leaveOut: 3 },
    { title: 'MAY PASS BY', align: 'right', value: ({ budget }) => formatMayPassBy(budget), leaveOut: 2 },
    { title: 'WINDOW', value: ({ budget }) => formatWindow(budget), leaveOut: 1 },
  ],
  toJson: ({ budget }) => budgetToJson(budget) ?? {},
});
