import { OmgError } from '@omg/errors';
import type { EndpointName } from '../../domain/key-state.ts';
import type { KeyNow, PoolOffice } from '../pool-office.ts';
import type { StoredProxy } from '../pool-store.ts';
import type { KeyTest, KeyTestResult } from '../upstream-ports.ts';
import { existingKey, existingProxy, type AdminDeps } from './admin-deps.ts';

/** One small request with a key, through its proxy, as it would be leased. */
export interface KeyTrial extends Omit<KeyTest, 'proxy' | 'dialect'> {
  /** Undefined: directly. */
  readonly proxy: StoredProxy | undefined;
}

export interface TestKeyDeps extends AdminDeps {
  /** Has a deadline of its own; throws only the signal's reason. */
  readonly tryKey: (trial: KeyTrial, signal: AbortSignal) => Promise<KeyTestResult>;
}

export interface TestKeyInput {
  readonly provider: string;
  readonly keyId: string;
  readonly model: string;
}

export interface TestKeyResult extends KeyTestResult {
  /** A proxy's id or `direct`. */
  readonly route: string;
  readonly endpoint: EndpointName;
}

/** Tells how it went, and nothing else: what comes of it does not count for or against the key. */
export function makeTestKey({
  offices,
  tryKey,
}: TestKeyDeps): (input: TestKeyInput, signal: AbortSignal) => Promise<TestKeyResult> {
  return async ({ provider, keyId, model }, signal) => {
    const office = offices.get(provider);
    const now = existingKey(office, keyId);
    if (model === '') throw new OmgError('invalid_argument', 'name a model, as the provider calls it');
    const proxy = proxyOf(office, now);
    const { state, secret } = now.key;
    // a key can be in failover with a provider whose backup endpoint was taken away
    const endpoint = office.provider.backup === undefined ? 'primary' : state.endpoint;
    const result = await tryKey({ provider: office.provider, endpoint, secret, model, proxy }, signal);
    return { ...result, message: result.message.replaceAll(secret, '***'), route: proxy?.id ?? 'direct', endpoint };
  };
}

function proxyOf(office: PoolOffice, { key, route }: KeyNow): StoredProxy | undefined {
  if (route === 'direct') return undefined;
  if (route !== 'any' && route !== '') return existingProxy(office, route).proxy;
  const usable = office.proxiesNow().filter(({ standing }) => route === 'any' && standing !== 'unusable');
  const next = usable.find(({ standing }) => standing === 'healthy') ?? usable[0];
  if (next !== undefined) return next.proxy;
  throw new OmgError(
    'failed_precondition',
    `${key.id} has no way to ${office.provider.name}: none of its proxies can be used, and it may not go directly`,
  );
}
