import { OmgError } from '@omg/errors';
import { bindService, restrictService, type BoundService, type CallContext, type HasGrant } from '@omg/grpc';
import { accountsAdminV1 } from '@omg/proto-gen';
import type { AccountsAdmin } from '../app/admin/accounts-admin.ts';
import { actorOf } from '../app/admin/actor-of.ts';
import type { GivenKeyFields } from '../app/admin/client-key-fields.ts';
import type { MadeClientKey } from '../app/admin/create-client-key.ts';
import { fromBudgetTerms, fromSiteLimits } from './account-terms.ts';
import { toAccountChange, toClientKeyView, toCreditEntry, toPriceVersion, toTenantView } from './account-views.ts';
import {
  CREDIT_KIND,
  KEY_OPERATION,
  KEY_STATUS,
  PURSE,
  TENANT_STATUS,
  TENANT_TYPE,
  neededWord,
  wordOf,
} from './account-words.ts';
import { fromImportedAccount } from './from-imported-account.ts';

export function accountsAdminService(admin: AccountsAdmin, hasGrant: HasGrant): BoundService {
  const service = bindService(accountsAdminV1.AccountsAdminService, {
    listTenants: async ({ type, status, ...request }) => {
      const { items, nextPageToken } = await admin.listTenants({
        ...request,
        type: wordOf(TENANT_TYPE, type, 'type'),
        status: wordOf(TENANT_STATUS, status, 'status'),
      });
      return { tenants: items.map(toTenantView), nextPageToken };
    },
    getTenant: async ({ tenantId }) => ({ tenant: toTenantView(await admin.getTenant(tenantId)) }),
    createTenant: async ({ type, ...request }, context) => {
      const word = wordOf(TENANT_TYPE, type, 'type') ?? 'organization';
      if (word === 'service') throw new OmgError('invalid_argument', "a service's account makes itself");
      return { tenant: toTenantView(await admin.createTenant({ ...attributed(request, context), type: word })) };
    },
    editTenant: async ({ status, limits, budget, ...request }, context) => ({
      tenant: toTenantView(
        await admin.editTenant({
          ...attributed(request, context),
          status: status === undefined ? undefined : neededWord(TENANT_STATUS, status, 'status'),
          limits: fromSiteLimits(limits),
          budget: fromBudgetTerms(budget),
        }),
      ),
    }),
    listAccountHistory: async ({ clientKeyId, ...request }) => {
      const { items, nextPageToken } = await admin.listAccountHistory({
        ...request,
        clientKeyId: orUndefined(clientKeyId),
      });
      return { changes: items.map(toAccountChange), nextPageToken };
    },

    listClientKeys: async ({ tenantId, status, ...request }) => {
      const { items, nextPageToken } = await admin.listClientKeys({
        ...request,
        tenantId: orUndefined(tenantId),
        status: wordOf(KEY_STATUS, status, 'status'),
      });
      return { keys: items.map(toClientKeyView), nextPageToken };
    },
    getClientKey: async ({ clientKeyId }) => ({ key: toClientKeyView(await admin.getClientKey(clientKeyId)) }),
    createClientKey: async ({ fields, ...request }, context) =>
      toMadeKey(await admin.createClientKey({ ...attributed(request, context), fields: fromKeyFields(fields) })),
    editClientKey: async ({ fields, ...request }, context) => ({
      key: toClientKeyView(
        await admin.editClientKey({ ...attributed(request, context), fields: fromKeyFields(fields) }),
      ),
    }),
    operateClientKey: async ({ operation, ...request }, context) => ({
      key: toClientKeyView(
        await admin.operateClientKey({
          ...attributed(request, context),
          status: neededWord(KEY_OPERATION, operation, 'operation'),
        }),
      ),
    }),
    rotateClientKey: async ({ graceMs, ...request }, context) =>
      toMadeKey(await admin.rotateClientKey({ ...attributed(request, context), graceMs: Number(graceMs) })),

    listCredits: async (request) => {
      const { items, nextPageToken } = await admin.listCredits(request);
      return { entries: items.map(toCreditEntry), nextPageToken };
    },
    addCredit: async ({ kind, purse, ...request }, context) => {
      const word = neededWord(CREDIT_KIND, kind, 'kind');
      if (word === 'refund' || word === 'void')
        throw new OmgError('invalid_argument', 'a refund or a void is of a request: RefundRequest');
      const entry = await admin.addCredit({
        ...attributed(request, context),
        kind: word,
        purse: wordOf(PURSE, purse, 'purse'),
      });
      return { entry: toCreditEntry(entry) };
    },
    refundRequest: async ({ kind, nanoUsd, ...request }, context) => {
      const word = neededWord(CREDIT_KIND, kind, 'kind');
      if (word !== 'refund' && word !== 'void')
        throw new OmgError('invalid_argument', 'a request is refunded or voided');
      return {
        entry: toCreditEntry(await admin.refundRequest({ ...attributed(request, context), kind: word, nanoUsd })),
      };
    },

    listPrices: async ({ site, model, allVersions }) => {
      const prices = await admin.listPrices({ site: orUndefined(site), model: orUndefined(model), allVersions });
      return { prices: prices.map(toPriceVersion) };
    },

    importAccounts: async ({ accounts, ...request }, context) => {
      const results = await admin.importAccounts({
        ...attributed(request, context),
        accounts: accounts.map(fromImportedAccount),
      });
      return { results: results.map((result) => ({ ...result, ok: result.reason === '' })) };
    },
  });
  return restrictService(service, {
    may: (caller) => hasGrant(caller, 'admin'),
    refusal: (caller) => `${caller} may not administer accounts: give it "admin" in SERVICE_GRANTS of usage-ledger`,
  });
}

function attributed<T extends { readonly actor: string }>(request: T, { caller }: CallContext): T {
  return { ...request, actor: actorOf(caller, request.actor) };
}

function orUndefined(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function toMadeKey({ key, secret }: MadeClientKey): {
  readonly key: accountsAdminV1.ClientKeyView;
  readonly secret: string;
} {
  return { key: toClientKeyView(key), secret };
}

function fromKeyFields(fields: accountsAdminV1.ClientKeyFields | undefined): GivenKeyFields {
  const { name, scopes, allowedModels, sites, expiresAt, neverExpires = false, limits = [], budget } = fields ?? {};
  if (neverExpires && expiresAt !== undefined)
    throw new OmgError('invalid_argument', 'a key that never expires does not expire at a time');
  return {
    name,
    scopes: scopes?.words,
    allowedModels: allowedModels?.words,
    sites: sites?.words,
    ...(expiresAt === undefined && !neverExpires ? {} : { expiry: { at: expiresAt } }),
    limits: fromSiteLimits(limits),
    budget: fromBudgetTerms(budget),
  };
}
