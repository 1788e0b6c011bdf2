import { IMPORT_OPTIONS, importFile } from '../admin/import-file.ts';
import { CHUNK_DEADLINE_MS } from '../admin/in-chunks.ts';
import { defineCommand } from '../command.ts';
import { parseKeys } from '../import/parse-keys.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';

export const upstreamKeysImport = defineCommand({
  name: 'upstream-keys import',
  summary: 'adds the keys of a file: id|apiKey lines, or JSON objects, in lines or a list',
  operands: [],
  options: { ...IMPORT_OPTIONS, ...ONE_PROVIDER, ...ACTOR },
  examples: [
    'omg upstream-keys import --file keys.txt --dry-run',
    'omg upstream-keys import --file keys.json --provider ohmygpt',
    'omg upstream-keys import --file - --json',
  ],
  async run(context, args) {
    const actor = actorOf(args);
    const { provider, admin } = await openPool(context, args);
    await importFile(context, args, {
      parse: parseKeys,
      noun: ['key', 'keys'],
      to: `to ${provider}`,
      send: async (keys, dryRun) => {
        const { results } = await admin.call(
          async (client, call) =>
            await client.addKeys({ provider, keys, actor, dryRun }, { ...call, deadlineMs: CHUNK_DEADLINE_MS }),
        );
        return results;
      },
    });
  },
});
