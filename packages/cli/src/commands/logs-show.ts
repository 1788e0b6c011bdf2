import type { usageV1 } from '@omg/proto-gen';
import { defineCommand } from '../command.ts';
import { CommandFailure } from '../failures.ts';
import { NOTHING, formatExactTime, formatUsd } from '../output/format.ts';
import { jsonLine } from '../output/json-line.ts';
import { printable } from '../output/printable.ts';
import type { Terminal } from '../output/terminal.ts';
import { describeEvent, section } from '../views/describe-event.ts';
import { eventOf, requestLogToJson } from '../views/request-log.ts';

export const logsShow = defineCommand({
  name: 'logs show',
  summary: 'everything that is known of one request',
  operands: ['request id'],
  options: {},
  examples: [
    'omg logs show 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11',
    'omg logs show 019aa4f0-6d1b-7c43-9c0e-5a1f0b7d2e11 --json | jq .attempts',
  ],
  async run({ terminal, json, connection }, args) {
    const requestId = args.operand(0);
    const { log } = await connection
      .usage()
      .call(async (client, options) => await client.getLog({ requestId }, options));
    if (log === undefined) throw new CommandFailure(`usage-ledger: no request ${printable(requestId)} is in the books`);
    await terminal.write(json ? jsonLine(requestLogToJson(log)) : describe(log, terminal));
  },
});

function describe(log: usageV1.RequestLog, terminal: Terminal): string {
  const [facts, tokens, attempts] = describeEvent(eventOf(log), terminal);
  const cost = section(terminal, 'Cost', [
    ['charged', formatUsd(log.costNanoUsd)],
    ['prices', log.priceVersion || NOTHING],
    ['charged at', formatExactTime(log.chargedAt)],
  ]);
  return [facts, tokens, cost, attempts].join('\n');
}
