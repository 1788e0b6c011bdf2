import { isIP } from 'node:net';
import type { NewProxy, ProxyType } from '../pool-store.ts';
import { nameFault } from './name-fault.ts';

/** Undefined: as it is. An empty user name or password: none. */
export interface ProxyFields {
  readonly name?: string | undefined;
  readonly type?: ProxyType | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly active?: boolean | undefined;
}

/** The id that a proxy gets where none is given: one that says which it is. */
export function proxyIdOf({ type, host, port }: ProxyFields): string {
  return `${type ?? ''}-${host ?? ''}-${port ?? ''}`;
}

/** A proxy made of what was given, or what is wrong with that, in words that hold no credentials. */
export function toNewProxy(id: string, fields: ProxyFields): NewProxy | { readonly fault: string } {
  const { type, host, port, username = '', password = '', active = true } = fields;
  const fault = proxyFieldsFault(fields);
  if (fault !== undefined) return { fault };
  if (type === undefined) return { fault: 'its type is missing: http, https or socks5' };
  if (host === undefined) return { fault: 'its host is missing' };
  if (port === undefined) return { fault: 'its port is missing' };
  if (password !== '' && username === '') return { fault: 'it has a password without a user name' };
  const wrongName = nameFault(id);
  if (wrongName !== undefined) return { fault: wrongName };
  return {
    id,
    name: fields.name === undefined || fields.name === '' ? id : fields.name,
    type,
    host,
    port,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    isActive: active,
  };
}

// SOCKS5 has one byte for the length of each
const MAX_CREDENTIAL_BYTES = 255;

export function proxyFieldsFault(fields: ProxyFields): string | undefined {
  const { name = '', host, port, username = '', password = '' } = fields;
  if (name.length > 128 || /\p{C}/u.test(name)) return 'its name must be at most 128 printable characters';
  if (host !== undefined && !isHost(host)) {
    return 'its host must be a name or an address by itself, without scheme, port, path or brackets';
  }
  if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > 65_535))
    return 'its port must be 1 to 65535';
  // it ends the user name in an Authorization header
  if (username.includes(':')) return 'its user name must not contain a colon';
  for (const [what, text] of [
    ['user name', username],
    ['password', password],
  ] as const) {
    if (Buffer.byteLength(text) > MAX_CREDENTIAL_BYTES || /\p{Cc}/u.test(text)) {
      return `its ${what} must be at most ${MAX_CREDENTIAL_BYTES} bytes without control characters`;
    }
  }
  return undefined;
}

function isHost(host: string): boolean {
  return isIP(host) !== 0 || (host.length <= 253 && /^(?!-)[\w-]{1,63}(?:\.(?!-)[\w-]{1,63})*\.?$/.test(host));
}
