import { defineCommand } from '../command.ts';
import { jsonLine } from '../output/json-line.ts';
import { printable } from '../output/printable.ts';
import { ACTOR, actorOf } from '../options/actor-option.ts';
import { confirm, YES } from '../options/confirm.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';

export const bindingsDelete = defineCommand({
  name: 'bindings delete',
  summary: 'unbinds a key from a proxy; a key without bindings goes through any proxy',
  operands: ['key id', 'proxy id'],
  options: { ...ONE_PROVIDER, ...YES, ...ACTOR },
  examples: ['omg bindings delete key-1 proxy-1', 'omg bindings delete key-1 proxy-1 --provider ohmygpt --yes'],
  async run(context, args) {
    const [keyId, proxyId, actor] = [args.operand(0), args.operand(1), actorOf(args)];
    const { provider, admin } = await openPool(context, args);
    await confirm(context, args, `unbind the key ${keyId} of ${provider} from ${proxyId}`);
    await admin.call(async (client, call) => await client.deleteBinding({ provider, keyId, proxyId, actor }, call));
    const { terminal, json } = context;
    await terminal.write(
      json
        ? jsonLine({ keyId, proxyId, deleted: true })
        : `${printable(keyId)} is not bound to ${printable(proxyId)} any more\n`,
    );
  },
});
