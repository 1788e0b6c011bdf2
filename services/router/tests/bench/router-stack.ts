import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@omg/bench';
import { makeClientKey } from '@omg/client-key';
import { AMPLE_LIMITS, startStack } from '@omg/testkit';
import { MongoClient, type Db } from 'mongodb';
import { MODEL } from './exchanges.ts';
import type { Variant, VariantOptions } from './variants.ts';

/** The router with all that it works with, as it is deployed: its site's own file and log level, no switch for tests. */
export interface RouterStack {
  readonly variant: Variant;
  readonly ledger: Db;
  /** Where its inspector listens once SIGUSR1 has come. */
  readonly inspectorPort: number;
}

const ROUTER = 'router-ohmygpt-1';
/** Each has 50 slots by default. */
const UPSTREAM_KEYS = 60;

export interface RouterStackOptions extends VariantOptions {
  readonly onProgress: (line: string) => void;
}

export async function startRouterStack(options: RouterStackOptions): Promise<RouterStack> {
  const { cores, upstreamPort, directory, stack: resources, signal, onProgress } = options;
  const inspectorPort = await freePort();
  const siteFile = join(directory, 'site.json');
  const price = { input: '3', output: '15', cacheWrite5m: '3.75', cacheWrite1h: '6', cacheRead: '0.3' };
  const models = [{ id: MODEL, upstream: MODEL, contextWindow: 200_000, maxOutputTokens: 64_000, price }];
  await writeFile(siteFile, JSON.stringify({ site: 'ohmygpt', provider: 'ohmygpt', port: 8_005, models }));
  const key = makeClientKey();
  const upstream = `http://127.0.0.1:${upstreamPort}`;
  const stack = resources.use(
    await startStack({
      parts: ['mongo', 'nats', 'key-broker', 'usage-ledger', 'router-ohmygpt'],
      siteFiles: { ohmygpt: siteFile },
      tenants: [
        {
          id: 'bench',
          name: 'Bench',
          type: 'organization',
          creditsUsd: '1000000',
          keys: [{ id: 'bench-key', name: 'bench', key }],
        },
      ],
      env: {
        'usage-ledger': AMPLE_LIMITS,
        'key-broker': {
          OHMYGPT_API_KEYS: Array.from({ length: UPSTREAM_KEYS }, (_, index) => `sk-bench-upstream-${index}`).join(','),
          OHMYGPT_BASE_URL: upstream,
          OHMYGPT_BACKUP_BASE_URL: upstream,
        },
        'router-ohmygpt': { NODE_OPTIONS: `--inspect-port=127.0.0.1:${inspectorPort}` },
      },
      signal,
      events: { onProgress },
    }),
  );
  const pid = stack.pid(ROUTER);
  if (pid !== undefined) cores.move(pid);
  const client = resources.use(await new MongoClient(stack.addresses.ledgerMongoUrl, { promoteLongs: true }).connect());
  return {
    variant: {
      name: 'omg',
      port: Number(new URL(stack.addresses.ohmygptUrls[0] ?? '').port),
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${key}` },
      pid,
    },
    ledger: client.db(),
    inspectorPort,
  };
}
