import { OmgError } from '@omg/errors';
import type { ProxyEdit } from '../pool-store.ts';
import { existingProxy, type AdminDeps } from './admin-deps.ts';
import { proxyFieldsFault, type ProxyFields } from './proxy-fields.ts';
import { makeProxyReporter, type ProxyReport } from './proxy-report.ts';

export interface EditProxyInput {
  readonly provider: string;
  readonly proxyId: string;
  readonly fields: ProxyFields;
  readonly actor: string;
}

export function makeEditProxy({ offices, clock }: AdminDeps): (input: EditProxyInput) => Promise<ProxyReport> {
  return async ({ provider, proxyId, fields, actor }) => {
    const office = offices.get(provider);
    const { proxy } = existingProxy(office, proxyId);
    const change = toChange(fields);
    if (Object.keys(change).length === 0) {
      throw new OmgError('invalid_argument', `nothing is to be changed of ${proxyId}: name at least one field`);
    }
    const fault = proxyFieldsFault(fields) ?? credentialsFault({ ...proxy, ...change });
    if (fault !== undefined) throw new OmgError('invalid_argument', `${proxyId}: ${fault}`);
    const edited = await office.store.editProxy(proxyId, change, { actor, nowMs: clock.nowMs() });
    if (edited === undefined) throw new OmgError('not_found', `there is no proxy ${JSON.stringify(proxyId)} any more`);
    await office.refresh();
    return makeProxyReporter(office)(existingProxy(office, proxyId));
  };
}

function toChange({ name, type, host, port, username, password, active }: ProxyFields): ProxyEdit {
  return {
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { type }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(active === undefined ? {} : { isActive: active }),
  };
}

function credentialsFault({ username = '', password = '' }: ProxyEdit): string | undefined {
  return username === '' && password !== ''
    ? 'a password without a user name would remain: empty both, or give both'
    : undefined;
}
