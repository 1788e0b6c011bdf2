import type { keyAdminV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { CommandContext } from '../command.ts';
import { writeRows } from '../output/pages.ts';
import { actorOf } from '../options/actor-option.ts';
import { openAnyPool } from '../options/provider-option.ts';
import { proxyColumns, proxyToJson } from '../views/proxy.ts';
import { forEach } from './for-each.ts';
import { answered } from './write-keys.ts';

/** Changes the same of each proxy and prints them as they are then. */
export async function changeProxies(
  context: CommandContext,
  args: Arguments<'provider' | 'actor'>,
  { ids, fields }: { readonly ids: readonly string[]; readonly fields: keyAdminV1.ProxyFields },
): Promise<void> {
  const actor = actorOf(args);
  const { provider, admin } = await openAnyPool(context, args);
  const { results, failure } = await forEach(ids, async (proxyId) => {
    const { proxy } = await admin.call(
      async (client, call) => await client.editProxy({ provider, proxyId, fields, actor }, call),
    );
    return answered(proxy);
  });
  const view = { columns: proxyColumns(Date.now()), toJson: proxyToJson, none: '' };
  if (results.length > 0) await writeRows(context, results, view);
  if (failure !== undefined) throw failure;
}
