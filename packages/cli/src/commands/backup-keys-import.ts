import { IMPORT_OPTIONS, importFile } from '../admin/import-file.ts';
import { CHUNK_DEADLINE_MS } from '../admin/in-chunks.ts';
import { defineCommand } from '../command.ts';
import { parseBackupKeys } from '../import/parse-keys.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';

export const backupKeysImport = defineCommand({
  name: 'backup-keys import',
  summary: 'adds the keys of a file to the reserve: id|apiKey lines, or JSON objects, in lines or a list',
  operands: [],
  options: { ...IMPORT_OPTIONS, ...ONE_PROVIDER, ...ACTOR },
  examples: [
    'omg backup-keys import --file spare.txt --dry-run',
    'omg backup-keys import --file spare.json --provider ohmygpt',
  ],
  async run(context, args) {
    const actor = actorOf(args);
    const { provider, admin } = await openPool(context, args);
    await importFile(context, args, {
      parse: parseBackupKeys,
      noun: ['backup key', 'backup keys'],
      to: `to ${provider}`,
      send: async (backupKeys, dryRun) => {
        const request = { provider, backupKeys, actor, dryRun };
        const { results } = await admin.call(
          async (client, call) => await client.addBackupKeys(request, { ...call, deadlineMs: CHUNK_DEADLINE_MS }),
        );
        return results;
      },
    });
  },
});
