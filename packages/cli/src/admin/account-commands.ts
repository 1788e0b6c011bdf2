import type { GrpcClient, UnaryOptions } from '@omg/grpc';
import type { accountsAdminV1 } from '@omg/proto-gen';
import type { CommandContext } from '../command.ts';
import { renderFields } from '../output/field-list.ts';
import { jsonLine } from '../output/json-line.ts';
import { writeRows } from '../output/pages.ts';
import { printable } from '../output/printable.ts';
import type { TenantOrKey } from '../options/account-options.ts';
import {
  KEY_COLUMNS,
  TENANT_COLUMNS,
  keyFacts,
  keyToJson,
  maskedSecret,
  tenantFacts,
  tenantToJson,
  type ClientKeyView,
  type TenantView,
} from '../views/account.ts';
import { answered } from './answered.ts';

type Client = GrpcClient<accountsAdminV1.AccountsAdminService>;

const NO_KEY_FIELDS: accountsAdminV1.ClientKeyFields = { limits: [], neverExpires: false };

/** A call of usage-ledger's administration. */
export async function administer<T>(
  { connection }: CommandContext,
  run: (client: Client, options: UnaryOptions) => Promise<T>,
): Promise<T> {
  return await connection.accountsAdmin().call(run);
}

export async function writeTenants(context: CommandContext, tenants: readonly TenantView[]): Promise<void> {
  await writeRows(context, tenants, { columns: TENANT_COLUMNS, toJson: tenantToJson, none: 'No tenant fits.' });
}

export async function writeKeys(context: CommandContext, keys: readonly ClientKeyView[]): Promise<void> {
  await writeRows(context, keys, { columns: KEY_COLUMNS, toJson: keyToJson, none: 'No client key fits.' });
}

export async function describeTenant({ terminal, json }: CommandContext, tenant: TenantView): Promise<void> {
  if (json) await terminal.write(jsonLine(tenantToJson(tenant)));
  else
    await terminal.write(
      `${terminal.paint('bold', `Tenant ${printable(tenant.tenantId)}`)}\n${facts(tenantFacts(tenant))}`,
    );
}

export async function describeKey({ terminal, json }: CommandContext, key: ClientKeyView): Promise<void> {
  if (json) await terminal.write(jsonLine(keyToJson(key)));
  else
    await terminal.write(
      `${terminal.paint('bold', `Client key ${printable(key.clientKeyId)}`)}\n${facts(keyFacts(key))}`,
    );
}

/** The only time that the secret can be seen: alone on stdout, so that it can go into a file or a variable. */
export async function writeSecret(
  { terminal, json }: CommandContext,
  { key, secret }: { readonly key: ClientKeyView | undefined; readonly secret: string },
): Promise<void> {
  const made = answered(key);
  if (json) {
    await terminal.write(jsonLine({ ...keyToJson(made), secret }));
    return;
  }
  terminal.note(
    `The client key ${printable(made.clientKeyId)} of ${printable(made.tenantId)} (${maskedSecret(made)}):`,
  );
  await terminal.write(`${secret}\n`);
  terminal.note('Keep it: it is shown only now.');
}

/** Changes limits or a budget and shows what counts then. */
export async function changeAccount(
  context: CommandContext,
  target: TenantOrKey,
  change: { readonly limits: readonly accountsAdminV1.SiteLimits[]; readonly budget?: accountsAdminV1.BudgetTerms },
  actor: string,
): Promise<void> {
  if ('tenantId' in target) {
    const { tenant } = await administer(
      context,
      async (client, call) => await client.editTenant({ ...target, ...change, actor }, call),
    );
    await describeTenant(context, answered(tenant));
  } else {
    const fields = { ...NO_KEY_FIELDS, ...change };
    const { key } = await administer(
      context,
      async (client, call) => await client.editClientKey({ ...target, fields, actor }, call),
    );
    await describeKey(context, answered(key));
  }
}

function facts(rows: readonly (readonly [string, string])[]): string {
  return renderFields(rows.map(([name, value]) => [name, printable(value)]));
}
