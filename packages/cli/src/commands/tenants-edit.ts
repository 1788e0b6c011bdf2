import { defineTenantChange } from '../admin/define-tenant-change.ts';
import { UsageError } from '../failures.ts';

export const tenantsEdit = defineTenantChange({
  verb: 'edit',
  summary: 'gives tenants another name; limits and budgets have commands of their own',
  options: { name: { type: 'string', value: 'NAME', summary: 'what people call it' } },
  examples: ['omg tenants edit acme --name Acme'],
  change: (args) => {
    const name = args.string('name');
    if (name === undefined) throw new UsageError('--name NAME is needed');
    return { name };
  },
});
