import { IMPORT_OPTIONS, importFile } from '../admin/import-file.ts';
import { CHUNK_DEADLINE_MS } from '../admin/in-chunks.ts';
import { defineCommand } from '../command.ts';
import { parseProxies } from '../import/parse-proxies.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { ANY_PROVIDER, openAnyPool } from '../options/provider-option.ts';

export const proxiesImport = defineCommand({
  name: 'proxies import',
  summary: 'adds the proxies of a file: url or id|url lines, or JSON objects, in lines or a list',
  operands: [],
  options: { ...IMPORT_OPTIONS, ...ANY_PROVIDER, ...ACTOR },
  examples: ['omg proxies import --file proxies.txt --dry-run', 'omg proxies import --file - --json'],
  async run(context, args) {
    const actor = actorOf(args);
    const { provider, admin } = await openAnyPool(context, args);
    await importFile(context, args, {
      parse: parseProxies,
      noun: ['proxy', 'proxies'],
      send: async (proxies, dryRun) => {
        const { results } = await admin.call(
          async (client, call) =>
            await client.addProxies({ provider, proxies, actor, dryRun }, { ...call, deadlineMs: CHUNK_DEADLINE_MS }),
        );
        return results;
      },
    });
  },
});
