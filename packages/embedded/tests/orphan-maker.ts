// Starts a nats-server, says its port and waits to be killed.
import { locateNats, startNats } from '@omg/embedded';

const dataDir = process.argv[2] ?? '';
const signal = AbortSignal.timeout(60_000);
const program = await locateNats({ env: process.env, signal });
const { port } = await startNats({ program, dataDir, logFile: `${dataDir}.log`, signal });
process.stdout.write(`${port}\n`);
setInterval(() => undefined, 60_000);
