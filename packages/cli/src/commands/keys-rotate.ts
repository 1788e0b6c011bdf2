import { parseDurationMs } from '@omg/config';
import { administer, writeSecret } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { UsageError } from '../failures.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';

const USUAL_GRACE = '24h';

export const keysRotate = defineCommand({
  name: 'keys rotate',
  summary: 'gives a client key another secret and shows it, this once; the old one works on for a while',
  operands: ['key id'],
  options: {
    grace: {
      type: 'string',
      value: 'TIME',
      summary: `how long the old secret works on, as in 30m or 7d (default ${USUAL_GRACE}); 0s ends it at once`,
    },
    ...ACTOR,
  },
  examples: ['omg keys rotate acme-ci', 'omg keys rotate acme-ci --grace 0s'],
  async run(context, args) {
    const text = args.string('grace') ?? USUAL_GRACE;
    const graceMs = parseDurationMs(text);
    if (graceMs === undefined) throw new UsageError(`--grace is a time such as 30m, 24h or 7d, not "${text}"`);
    const request = { clientKeyId: args.operand(0), graceMs: BigInt(graceMs), actor: actorOf(args) };
    await writeSecret(
      context,
      await administer(context, async (client, call) => await client.rotateClientKey(request, call)),
    );
  },
});
