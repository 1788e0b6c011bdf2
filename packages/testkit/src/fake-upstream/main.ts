import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { parseOrProblems } from '../fake-common/parse-or-problems.ts';
import { logLine, untilStopped } from '../fake-common/until-stopped.ts';
import { startFakeUpstream } from './fake-upstream.ts';
import { upstreamOptionsSchema } from './upstream-options.ts';

const HELP = `Usage: node packages/testkit/src/fake-upstream/main.ts [options]
A scriptable provider of the OpenAI and the Anthropic dialect. Guide: docs/guides/fake-upstream.md

  --host HOST         address to listen on (127.0.0.1)
  --port N            port for traffic (0: any free one)
  --admin-port N      port for administration (0: any free one)
  --config FILE       JSON with host, port, adminPort, scenario, keys, models, strictModels, maxEntries, maxBodyBytes
  --help              this text
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      'admin-port': { type: 'string' },
      config: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const file: unknown = values.config === undefined ? {} : JSON.parse(await readFile(values.config, 'utf8'));
  const options = parseOrProblems(
    upstreamOptionsSchema,
    {
      ...(typeof file === 'object' ? file : {}),
      ...(values.host === undefined ? {} : { host: values.host }),
      ...(values.port === undefined ? {} : { port: Number(values.port) }),
      ...(values['admin-port'] === undefined ? {} : { adminPort: Number(values['admin-port']) }),
    },
    'options',
  );
  if (!options.ok) throw new Error(options.problems.join('; '));
  await using upstream = await startFakeUpstream(options.value);
  logLine({ event: 'ready', name: 'fake-upstream', url: upstream.url, adminUrl: upstream.adminUrl, pid: process.pid });
  logLine({ event: 'stopping', name: 'fake-upstream', signal: await untilStopped() });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`fake-upstream: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
