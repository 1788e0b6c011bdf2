import { answered } from '../admin/write-keys.ts';
import { defineCommand } from '../command.ts';
import { renderFields } from '../output/field-list.ts';
import { jsonLine } from '../output/json-line.ts';
import { printable } from '../output/printable.ts';
import { Table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { BINDING_COLUMNS } from '../views/binding.ts';
import { keyFacts, keyToJson, type KeyView } from '../views/upstream-key.ts';

export const upstreamKeysShow = defineCommand({
  name: 'upstream-keys show',
  summary: 'everything that is known of one key, its secret apart',
  operands: ['key id'],
  options: ONE_PROVIDER,
  examples: ['omg upstream-keys show key-1', 'omg upstream-keys show key-1 --provider ohmygpt --json | jq .bindings'],
  async run(context, args) {
    const keyId = args.operand(0);
    const { provider, admin } = await openPool(context, args);
    const { key } = await admin.call(async (client, call) => await client.getKey({ provider, keyId }, call));
    const { terminal, json } = context;
    await terminal.write(json ? jsonLine(keyToJson(answered(key))) : describe(answered(key), provider, terminal));
  },
});

function describe(key: KeyView, provider: string, terminal: Terminal): string {
  const heading = (text: string): string => `${terminal.paint('bold', text)}\n`;
  const facts = keyFacts(key, Date.now()).map(([name, value]): [string, string] => [name, printable(value)]);
  const bindings = key.bindings.length === 0 ? '  none\n' : new Table(BINDING_COLUMNS, terminal).render(key.bindings);
  return [
    heading(`Key ${printable(key.keyId)} of ${printable(provider)}`) + renderFields(facts),
    heading('Bindings') + bindings,
  ].join('\n');
}
