import { answered } from '../admin/answered.ts';
import { defineCommand } from '../command.ts';
import { renderFields } from '../output/field-list.ts';
import { NOTHING, formatCount, formatExactTime } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { printable } from '../output/printable.ts';
import type { Terminal } from '../output/terminal.ts';
import { deadLetterToJson } from '../views/dead-letter.ts';
import { describeEvent } from '../views/describe-event.ts';

export const deadLettersShow = defineCommand({
  name: 'dead-letters show',
  summary: 'an event that could not be charged, as far as it can be read',
  operands: ['dead letter id'],
  options: {},
  examples: [
    'omg dead-letters show 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11',
    'omg dead-letters show 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11 --json | jq .event.tokens',
  ],
  async run({ terminal, json, connection }, args) {
    const id = args.operand(0);
    const { letter } = await connection
      .deadLetters()
      .call(async (client, options) => await client.getDeadLetter({ id }, options));
    await terminal.write(json ? jsonLine(deadLetterToJson(answered(letter))) : describe(answered(letter), terminal));
  },
});

type Letter = Parameters<typeof deadLetterToJson>[0];

function describe({ id, partition, reason, at, sizeBytes, event }: Letter, terminal: Terminal): string {
  const head = renderFields([
    ['not charged', printable(reason)],
    ['since', formatExactTime(at)],
    ['partition', String(partition)],
    ['size', `${formatCount(sizeBytes)} bytes`],
    ...(event === undefined ? [['event', NOTHING] as const] : []),
  ]);
  return [
    `${terminal.paint('bold', `Dead letter ${printable(id)}`)}\n${head}`,
    ...(event === undefined ? [] : describeEvent(event, terminal)),
  ].join('\n');
}
