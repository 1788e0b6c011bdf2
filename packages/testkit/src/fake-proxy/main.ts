import { parseArgs } from 'node:util';

import { parseOrProblems } from '../fake-common/parse-or-problems.ts';
import { logLine, untilStopped } from '../fake-common/until-stopped.ts';
import { startFakeProxy } from './fake-proxy.ts';
import { proxyOptionsSchema } from './proxy-options.ts';

const HELP = `Usage: node packages/testkit/src/fake-proxy/main.ts [options]
An HTTP (CONNECT and forwarding) and SOCKS5 proxy that can be told to fail. Guide: docs/guides/fake-upstream.md

  --name NAME         how fake upstreams call it in their books (fake-proxy)
  --host HOST         address to listen on (127.0.0.1)
  --port N            port for clients (0: any free one)
  --admin-port N      port for administration (0: any free one)
  --user NAME:SECRET  may use it; repeatable; without any, everybody may
  --announce-to URL   administration of a fake upstream; repeatable
  --help              this text
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      name: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      'admin-port': { type: 'string' },
      user: { type: 'string', multiple: true },
      'announce-to': { type: 'string', multiple: true },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const options = parseOrProblems(
    proxyOptionsSchema,
    {
      name: values.name,
      host: values.host,
      port: values.port === undefined ? undefined : Number(values.port),
      adminPort: values['admin-port'] === undefined ? undefined : Number(values['admin-port']),
      users: values.user?.map(userOf),
      announceTo: values['announce-to'],
    },
    'options',
  );
  if (!options.ok) throw new Error(options.problems.join('; '));
  await using proxy = await startFakeProxy(options.value);
  const { name, url, socksUrl, adminUrl } = proxy;
  logLine({ event: 'ready', name, url, socksUrl, adminUrl, pid: process.pid });
  logLine({ event: 'stopping', name, signal: await untilStopped() });
}

function userOf(text: string): { username: string; password: string } {
  const [username = '', ...password] = text.split(':');
  return { username, password: password.join(':') };
}

try {
  await main();
} catch (error) {
  process.stderr.write(`fake-proxy: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
