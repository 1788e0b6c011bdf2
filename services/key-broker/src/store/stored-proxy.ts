import { z } from 'zod';
import type { ProxyEdit, StoredProxy } from '../app/pool-store.ts';
import { NEW_PROXY_HEALTH, proxyStanding, type ProxyHealth } from '../domain/proxy-health.ts';
import { faultOf, Flag, Id, Moment, readNumber, toDate } from './field-schemas.ts';
import type { SecretBox } from './secret-box.ts';
import { openSecret, type Fault } from './stored-key.ts';

const Health = z
  .object({
    results: z.array(z.boolean()),
    cooldownUntil: Moment,
    nextCheckAt: Moment,
    lastError: z.string().nullish(),
  })
  .transform((health): ProxyHealth => ({
    results: health.results,
    cooldownUntilMs: health.cooldownUntil,
    nextCheckAtMs: health.nextCheckAt ?? 0,
    lastError: health.lastError ?? undefined,
  }))
  .catch(NEW_PROXY_HEALTH);

const Credential = z
  .string()
  .nullish()
  .transform((text) => text ?? '');

const ProxyDocument = z.object({
  _id: Id,
  name: z.string().nullish().catch(undefined),
  type: z
    .preprocess(
      (type) => (typeof type === 'string' ? type.toLowerCase().replace(/^socks5h$/, 'socks5') : type),
      z.enum(['http', 'https', 'socks5']).nullish(),
    )
    .transform((type) => type ?? 'http'),
  host: z.string().min(1),
  port: z.preprocess(readNumber, z.number().int().min(1).max(65_535)),
  username: Credential,
  password: Credential,
  isActive: Flag(true),
  health: z.record(z.string(), Health).catch({}).optional(),
});

export function readProxy(document: unknown, box: SecretBox): StoredProxy | Fault {
  const parsed = ProxyDocument.safeParse(document);
  if (!parsed.success) return { fault: faultOf(parsed.error) };
  const { _id, name, type, host, port, username, password, isActive, health = {} } = parsed.data;
  const opened = openSecret(password, box);
  if (typeof opened !== 'string') return { fault: opened.fault.replace('apiKey', 'password') };
  return {
    id: _id,
    name: name ?? _id,
    type,
    host,
    port,
    ...(username !== '' && { username }),
    ...(opened !== '' && { password: opened }),
    isActive,
    health,
  };
}

/** What is written of a new proxy, or of a change of one. */
export function proxyFields({ username, password, ...rest }: ProxyEdit, box: SecretBox): Record<string, unknown> {
  return {
    ...rest,
    ...(username !== undefined && { username: username === '' ? null : username }),
    ...(password !== undefined && { password: password === '' ? null : box.seal(password) }),
  };
}

export function healthFields({ results, cooldownUntilMs, nextCheckAtMs, lastError }: ProxyHealth): object {
  return {
    results,
    cooldownUntil: toDate(cooldownUntilMs),
    nextCheckAt: new Date(nextCheckAtMs),
    lastError: lastError ?? null,
  };
}

/** The word for people and older systems: how the pools together see a proxy. */
export function proxyStatus(health: readonly ProxyHealth[]): 'healthy' | 'degraded' | 'dead' {
  const standings = health.map(proxyStanding);
  if (standings.every((standing) => standing === 'healthy')) return 'healthy';
  return standings.every((standing) => standing === 'unusable') ? 'dead' : 'degraded';
}
