import { changeProxies } from '../admin/change-proxies.ts';
import { defineCommand } from '../command.ts';
import { UsageError } from '../failures.ts';
import { ACTOR } from '../options/actor-option.ts';
import { requireChange } from '../options/key-terms-options.ts';
import { ANY_PROVIDER } from '../options/provider-option.ts';
import { PROXY_FIELDS, readProxyFields, readProxyUrl } from '../options/proxy-options.ts';

export const proxiesEdit = defineCommand({
  name: 'proxies edit',
  summary: 'changes where a proxy is, or what it is told of the user',
  operands: ['proxy id'],
  options: {
    url: { type: 'string', value: 'URL', summary: 'http, https or socks5, then ://host:port' },
    ...PROXY_FIELDS,
    'no-credentials': { type: 'boolean', summary: 'without user name and password from now on' },
    ...ANY_PROVIDER,
    ...ACTOR,
  },
  examples: [
    'omg proxies edit proxy-1 --url http://10.0.0.10:3128',
    'omg proxies edit proxy-1 --username me --password-env PROXY_PASSWORD',
    'omg proxies edit proxy-1 --no-credentials',
  ],
  async run(context, args) {
    const [id, url] = [args.operand(0), args.string('url')];
    const own = await readProxyFields(context, args);
    if (args.flag('no-credentials') && (own.username !== undefined || own.password !== undefined))
      throw new UsageError('--no-credentials excludes a user name and a password');
    const fields = {
      ...(url === undefined ? {} : readProxyUrl(url)),
      ...own,
      ...(args.flag('no-credentials') ? { username: '', password: '' } : {}),
    };
    requireChange(fields, 'proxies edit');
    await changeProxies(context, args, { ids: [id], fields });
  },
});
