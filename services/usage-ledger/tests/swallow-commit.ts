import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';

/** A way to MongoDB on which the answer to a commit can get lost. */
export interface LossyWay extends AsyncDisposable {
  readonly url: string;
  /** Swallows the answers to commits from now on; resolves when the server has committed a charge. */
  readonly swallowCommits: () => Promise<void>;
}

const COMMIT = Buffer.from('commitTransaction\0');
// `insert: "request_logs"`, the length of the name before it; rollups read the same collection
const CHARGE = Buffer.from('insert\0\x0d\0\0\0request_logs\0');
const SESSION = Buffer.from('lsid\0');
// the heads of the document and of its UUID
const SESSION_ID_AFTER = SESSION.length + 13;
const SESSION_ID_BYTES = 16;
const REQUEST_ID_AT = 4;
const RESPONSE_TO_AT = 8;

/** Relays whole messages of MongoDB's protocol in both directions. */
export async function startLossyWay(mongoUrl: string): Promise<LossyWay> {
  const target = new URL(mongoUrl);
  const sockets = new Set<Socket>();
  let isSwallowing = false;
  const swallowed = Promise.withResolvers<void>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const charging = new Set<string>();
    // what a commit is of, by the id of its request
    const commits = new Map<number, { readonly isCharge: boolean }>();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    relay(client, upstream, (message) => {
      if (message.includes(CHARGE)) charging.add(sessionOf(message));
      if (message.includes(COMMIT)) {
        // rollups and refusals are committed as well
        commits.set(message.readInt32LE(REQUEST_ID_AT), { isCharge: charging.delete(sessionOf(message)) });
      }
      return true;
    });
    relay(upstream, client, (message) => {
      const commit = commits.get(message.readInt32LE(RESPONSE_TO_AT));
      if (!isSwallowing || commit === undefined) return true;
      if (commit.isCharge) swallowed.resolve();
      return false;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    // else the driver would go to where the set says that its member is
    url: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    swallowCommits: async () => {
      isSwallowing = true;
      await swallowed.promise;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function sessionOf(message: Buffer): string {
  const at = message.indexOf(SESSION) + SESSION_ID_AFTER;
  return message.toString('hex', at, at + SESSION_ID_BYTES);
}

function relay(from: Socket, to: Socket, passes: (message: Buffer) => boolean): void {
  let rest: Buffer = Buffer.alloc(0);
  from.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const message = rest.subarray(0, rest.readInt32LE(0));
      rest = rest.subarray(message.length);
      if (passes(message)) to.write(message);
    }
  });
}
