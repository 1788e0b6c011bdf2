import { parseArgs } from 'node:util';

export interface ChaosOptions {
  readonly help: boolean;
  readonly seconds: number;
  readonly clients: number;
  readonly everySeconds: number;
}

export const HELP = `scripts/chaos: kills processes of a gateway under load, one after the other, and looks into the books afterwards.

It starts a gateway of its own in front of a fake upstream: two routers, two usage-ledgers, two key-brokers, and six
accounts, one with a hard and one with a soft budget that are soon spent. While clients send requests, streamed and not,
each process in turn is killed with SIGKILL and started again. Then \`omg reconcile\` compares the books with themselves and with
the upstream's, and the budgets are shown. It ends with 1 where they differ, or a hard budget was passed.

  --seconds N   how long (default 60)
  --clients N   requests at the same time (default 24)
  --every N     seconds between two kills, about (default 6)
  --help        this text
`;

/** Throws an Error whose message is one sentence for the operator. */
export function parseChaosOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      clients: { type: 'string', default: '24' },
      every: { type: 'string', default: '6' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    help: values.help,
    seconds: count('--seconds', values.seconds),
    clients: count('--clients', values.clients),
    everySeconds: count('--every', values.every),
  };
}

function count(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${name} must be a whole number of at least 1`);
  return number;
}
