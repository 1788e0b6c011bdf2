import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isListening, locateMongod, pickFreePort, startMongo, type LocalServer } from '@omg/embedded';

const signal = AbortSignal.timeout(120_000);

async function temporaryDirectory(stack: AsyncDisposableStack): Promise<string> {
  return stack.adopt(await mkdtemp(join(tmpdir(), 'omg-mongod-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
}

/** A replica set that the test may stop and kill. */
export async function startOwnMongo(stack: AsyncDisposableStack): Promise<LocalServer> {
  const directory = await temporaryDirectory(stack);
  return stack.use(
    await startMongo({
      program: await locateMongod({ env: process.env, signal }),
      dataDir: join(directory, 'data'),
      logFile: join(directory, 'mongod.log'),
      signal,
      throwaway: true,
    }),
  );
}

/** A mongod by itself, which knows no transactions; its address. */
export async function startStandaloneMongo(stack: AsyncDisposableStack): Promise<string> {
  const directory = await temporaryDirectory(stack);
  const program = await locateMongod({ env: process.env, signal });
  const port = await pickFreePort('127.0.0.1');
  const child = spawn(
    program.path,
    ['--dbpath', directory, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'],
    {
      stdio: 'ignore',
    },
  );
  stack.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const address = `127.0.0.1:${port}`;
  while (!(await isListening(address, signal)));
  return address;
}
