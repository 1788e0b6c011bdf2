import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openInspector, type InspectedProcess } from '../inspector.ts';

const Stopped = z.object({ profile: z.unknown() });

/** Takes a CPU profile of the router while something runs, and of nothing before and after. */
export async function profileWhile<T>(
  router: InspectedProcess,
  { directory, name, signal }: { readonly directory: string; readonly name: string; readonly signal: AbortSignal },
  run: () => Promise<T>,
): Promise<T> {
  using inspector = await openInspector(router, signal);
  await inspector.call('Profiler.enable');
  await inspector.call('Profiler.start');
  const result = await run();
  const { profile } = Stopped.parse(await inspector.call('Profiler.stop'));
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${name}.cpuprofile`), JSON.stringify(profile));
  return result;
}
