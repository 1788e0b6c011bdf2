import manifest from '../../package.json' with { type: 'json' };
import { defineCommand } from '../command.ts';
import { jsonLine } from '../output/json-line.ts';

export const version = defineCommand({
  name: 'version',
  summary: 'the version of this program',
  operands: [],
  options: {},
  examples: ['omg version'],
  async run({ terminal, json }) {
    const node = process.version;
    await terminal.write(
      json ? jsonLine({ version: manifest.version, node }) : `omg ${manifest.version} (Node ${node})\n`,
    );
  },
});
