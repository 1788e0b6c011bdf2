import { DRY_RUN } from '../admin/import-file.ts';
import { reportLines } from '../admin/line-report.ts';
import { defineCommand } from '../command.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { ANY_PROVIDER, openAnyPool } from '../options/provider-option.ts';
import { PROXY_FIELDS, readProxyFields, readProxyUrl } from '../options/proxy-options.ts';

export const proxiesAdd = defineCommand({
  name: 'proxies add',
  summary: 'adds a proxy: http, https or socks5, then ://host:port',
  operands: ['url'],
  options: {
    id: { type: 'string', value: 'ID', summary: 'its id (default: made of type, host and port)' },
    ...PROXY_FIELDS,
    ...ANY_PROVIDER,
    ...DRY_RUN,
    ...ACTOR,
  },
  examples: [
    'omg proxies add http://10.0.0.9:3128 --id proxy-1',
    'omg proxies add socks5://10.0.0.9:1080 --username me --password-file password.txt',
  ],
  async run(context, args) {
    const [actor, dryRun] = [actorOf(args), args.flag('dry-run')];
    const fields = { ...readProxyUrl(args.operand(0)), ...(await readProxyFields(context, args)) };
    const proxies = [{ proxyId: args.string('id') ?? '', fields }];
    const { provider, admin } = await openAnyPool(context, args);
    const { results } = await admin.call(
      async (client, call) => await client.addProxies({ provider, proxies, actor, dryRun }, call),
    );
    const ids = results.map(({ id }) => id).join(', ');
    const done = `${dryRun ? 'would be added' : 'added'}: ${ids}`;
    await reportLines(context, { lines: results, noun: ['proxy', 'proxies'], done });
  },
});
