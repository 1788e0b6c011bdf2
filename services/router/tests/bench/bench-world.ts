import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { divideCores, type Cores } from '@omg/bench';
import { startLeanUpstream, type LeanUpstream } from './lean-upstream.ts';
import { startRouterStack, type RouterStack } from './router-stack.ts';
import { startBare, startNginx, startPortkey, Unavailable, type Variant, type VariantOptions } from './variants.ts';

export interface BenchWorld extends AsyncDisposable {
  readonly cores: Cores;
  readonly upstream: LeanUpstream;
  readonly router: RouterStack;
  readonly variants: ReadonlyMap<Variant['name'], Variant>;
  /** Those that cannot be had here, and why. */
  readonly missing: readonly string[];
  readonly signal: AbortSignal;
}

export interface WorldOptions {
  readonly names: ReadonlySet<Variant['name']>;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

const START = [
  { name: 'nginx', start: startNginx },
  { name: 'bare', start: startBare },
  { name: 'portkey', start: startPortkey },
] as const;

/** Everything that is needed to measure, on this machine. */
export async function startWorld({ names, signal, onProgress }: WorldOptions): Promise<BenchWorld> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await mkdtemp(join(tmpdir(), 'omg-bench-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const cores = divideCores('router');
  const upstream = stack.use(await startLeanUpstream());
  const options: VariantOptions = { cores, upstreamPort: upstream.port, directory, stack, signal };
  onProgress('starting MongoDB, NATS, key-broker, usage-ledger and the router');
  const router = await startRouterStack({ ...options, onProgress });
  const direct: Variant = {
    name: 'direct',
    port: upstream.port,
    path: router.variant.path,
    headers: { authorization: 'Bearer sk-bench' },
    pid: undefined,
  };
  const variants = new Map<Variant['name'], Variant>([['direct', direct]]);
  const missing: string[] = [];
  for (const { name, start } of START.filter((one) => names.has(one.name))) {
    onProgress(`starting ${name}`);
    try {
      variants.set(name, await start(options));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      missing.push(`${name}: ${error.message}`);
    }
  }
  variants.set('omg', router.variant);
  const resources = stack.move();
  return {
    cores,
    upstream,
    router,
    variants,
    missing,
    signal,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}
