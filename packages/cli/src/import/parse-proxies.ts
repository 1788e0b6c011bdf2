import type { keyAdminV1 } from '@omg/proto-gen';
import { PROXY_TYPES, parseProxyType } from '../views/proxy-type.ts';
import { Members } from './members.ts';
import { parseFile, type ParsedFile } from './parse-file.ts';
import { parseProxyUrl } from './parse-proxy-url.ts';
import { RowFault } from './row-fault.ts';

const MEMBERS = ['id', 'url', 'name', 'type', 'host', 'port', 'username', 'password', 'isActive'] as const;

/** `url` or `id|url` lines, or JSON objects with the fields of a proxy. */
export function parseProxies(text: string): ParsedFile<keyAdminV1.NewProxy> {
  return parseFile(text, {
    fromText: (line) => {
      const [, id = '', url = ''] = /^(?:([^|:]*)\|)?(.*)$/.exec(line) ?? [];
      return { proxyId: id.trim(), fields: parseProxyUrl(url.trim()) };
    },
    fromObject: (object) => {
      const members = new Members(object, MEMBERS);
      const [url, type] = [members.string('url'), members.string('type')];
      const known = type === undefined ? undefined : parseProxyType(type);
      if (type !== undefined && known === undefined)
        throw new RowFault(`type must be one of ${PROXY_TYPES.join(', ')}`);
      const own = {
        name: members.string('name'),
        type: known,
        host: members.string('host'),
        port: members.integer('port', 65_535),
        username: members.string('username'),
        password: members.string('password'),
        active: members.boolean('isActive'),
      };
      const given = Object.entries(own).filter(([, value]) => value !== undefined);
      return {
        proxyId: members.string('id') ?? '',
        fields: { ...(url === undefined ? {} : parseProxyUrl(url)), ...Object.fromEntries(given) },
      };
    },
    idOf: ({ proxyId, fields }) => proxyId || `${fields?.host ?? ''}:${fields?.port ?? ''}`,
    uniqueOf: ({ proxyId, fields }) => (proxyId === '' ? { address: addressOf(fields) } : { id: proxyId }),
  });
}

function addressOf({ type, host, port }: keyAdminV1.ProxyFields = {}): string {
  return [type, host, port].join('|');
}
