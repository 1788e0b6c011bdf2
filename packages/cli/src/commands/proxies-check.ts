import type { keyAdminV1 } from '@omg/proto-gen';
import { forEach } from '../admin/for-each.ts';
import { defineCommand } from '../command.ts';
import { CommandFailure } from '../failures.ts';
import { NOTHING, formatMs, formatNumberOf } from '../output/format.ts';
import { writeRows } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';
import { EACH_PROVIDER, openPools } from '../options/provider-option.ts';

/** A proxy that does not answer takes long to say so. */
const DEADLINE_MS = 60_000;

interface Checked extends keyAdminV1.CheckProxyResponse {
  readonly proxyId: string;
  readonly provider: string;
}

const COLUMNS: readonly Column<Checked>[] = [
  { title: 'PROXY', value: ({ proxyId }) => proxyId },
  { title: 'PROVIDER', value: ({ provider }) => provider },
  { title: 'RESULT', value: ({ ok }) => (ok ? 'ok' : 'failed'), style: ({ ok }) => (ok ? 'green' : 'red') },
  { title: 'TOOK', align: 'right', value: ({ latencyMs }) => formatMs(latencyMs) },
  { title: 'MESSAGE', value: ({ message }) => message || NOTHING },
];

export const proxiesCheck = defineCommand({
  name: 'proxies check',
  summary: 'reaches each provider through proxies now; fails when one cannot be reached',
  operands: [],
  lastOperand: { name: 'proxy id', takes: 'one or more' },
  options: EACH_PROVIDER,
  examples: ['omg proxies check proxy-1', 'omg proxies check proxy-1 proxy-2 --provider ohmygpt --json'],
  async run(context, args) {
    const pools = await openPools(context, args);
    const pairs = args.operandsFrom(0).flatMap((proxyId) => pools.map((pool) => ({ proxyId, ...pool })));
    const { results, failure } = await forEach(pairs, async ({ proxyId, provider, admin }): Promise<Checked> => {
      const result = await admin.call(
        async (client, call) => await client.checkProxy({ provider, proxyId }, { ...call, deadlineMs: DEADLINE_MS }),
      );
      return { proxyId, provider, ...result };
    });
    if (results.length > 0) await writeRows(context, results, { columns: COLUMNS, toJson: withNulls, none: '' });
    if (failure !== undefined) throw failure;
    const failed = results.filter(({ ok }) => !ok).length;
    if (failed > 0) throw new CommandFailure(`${formatNumberOf(failed, 'check')} of ${results.length} failed`);
  },
});
