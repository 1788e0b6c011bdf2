import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { parseOrProblems } from '../fake-common/parse-or-problems.ts';
import type { BookEntry } from './book-entry.ts';
import type { Books } from './books.ts';
import { parseChatRequest } from './chat-request.ts';
import { nowMs } from '../fake-common/clock.ts';
import { deliver } from './deliver.ts';
import { vendorError } from './error-answer.ts';
import type { ErrorContext } from './error-answer.ts';
import { Exchange } from './exchange.ts';
import type { Fault } from './fault.ts';
import type { FaultTable, PickedFault } from './fault-table.ts';
import { chatAnswer, errorAnswer, faultAnswer, jsonAnswer } from './make-answer.ts';
import { modelsList } from './models-list.ts';
import { namedError } from './named-errors.ts';
import type { ProxyRegistry } from './proxy-registry.ts';
import { dialectOfHeaders, presentedKey, routeOf } from './route.ts';
import { layScenario, scenarioLayerSchema } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import { makeRequestId } from './vendor-headers.ts';

const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

export interface TrafficDeps {
  readonly books: Books;
  readonly faults: FaultTable;
  readonly proxies: ProxyRegistry;
  readonly scenario: Scenario;
  /** null: any key will do. */
  readonly keys: ReadonlySet<string> | null;
  readonly models: readonly string[];
  readonly strictModels: boolean;
}

interface Connection {
  readonly number: number;
  requests: number;
  last: BookEntry | null;
}

/** The listener that clients and gateways talk to. */
export function createTrafficServer(deps: TrafficDeps): Server {
  const connections = new WeakMap<Socket, Connection>();
  let opened = 0;
  const connectionOf = (socket: Socket): Connection => {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    opened += 1;
    const connection: Connection = { number: opened, requests: 0, last: null };
    connections.set(socket, connection);
    return connection;
  };

  // No timeout of Node's own: only the books and the faults decide when something ends.
  const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 60_000 }, (req, res) => {
    void serve(deps, req, res, connectionOf(req.socket));
  });
  server.on('connection', (socket: Socket) => {
    const connection = connectionOf(socket);
    deps.books.stats.connectionOpened();
    deps.proxies.watch(socket);
    socket.once('close', () => {
      deps.books.stats.connectionClosed();
      if (connection.last !== null) connection.last.socketClosedAtMs = nowMs();
    });
  });
  return server;
}

async function serve(
  deps: TrafficDeps,
  req: IncomingMessage,
  res: ServerResponse,
  connection: Connection,
): Promise<void> {
  const { entry, exchange } = openEntry(deps, req, res, connection);
  const body = await readBody(req);
  if (body === null) return;
  deps.books.received(entry, body);
  const route = routeOf(entry.method, entry.path, req.headers);
  const dialect = route?.dialect ?? dialectOfHeaders(req.headers);
  const request = route?.kind === 'models' || route === null ? null : parseChatRequest(body);
  entry.dialect = dialect;
  if (request !== null && typeof request !== 'string') {
    entry.model = request.model;
    entry.stream = request.stream && route?.kind === 'chat';
  }
  const context: ErrorContext = {
    dialect,
    key: entry.key ?? '',
    model: entry.model ?? '',
    requestId: makeRequestId(dialect),
  };
  const send = async (answer: Parameters<typeof deliver>[1], scenario: Scenario): Promise<void> =>
    await deliver(exchange, answer, scenario, context);
  const refuse = async (status: number, message?: string): Promise<void> =>
    await send(errorAnswer(vendorError(status, context, message), context), deps.scenario);

  if (entry.key === null) return await refuse(401, 'You did not provide an API key.');
  const picked = deps.faults.pick({ ...entry, dialect });
  const direct = directScenario(req.headers['x-fake'], picked?.scenario ?? deps.scenario);
  if (typeof direct === 'string') return await refuse(400, direct);
  const scenario = direct ?? picked?.scenario ?? deps.scenario;
  const { fault } = scenario;
  entry.fault = noteFault(picked, fault);

  if (fault?.kind === 'silence') return await exchange.untilOver();
  if (fault?.kind === 'reset' || fault?.kind === 'close') {
    if (await exchange.sleep(scenario.headerDelayMs)) exchange.breakOff(fault.kind === 'reset' ? 'rst' : 'fin');
    return;
  }
  const error = fault === null ? null : faultAnswer(fault, context);
  if (error !== null) return await send(error, scenario);
  if (deps.keys !== null && !deps.keys.has(entry.key)) return await refuse(401);
  if (route === null) return await refuse(404, `Unknown request URL: ${entry.method} ${entry.path}.`);
  if (route.kind === 'models')
    return await send(jsonAnswer(modelsList(dialect, deps.models), scenario, context), scenario);
  if (request === null || typeof request === 'string') return await refuse(400, request ?? undefined);
  if (deps.strictModels && !deps.models.includes(request.model)) {
    const name = dialect === 'openai' ? 'openai-model-not-found' : 'anthropic-not-found';
    return await send(errorAnswer(namedError(name, context), context), scenario);
  }
  if (route.kind === 'count-tokens') {
    const { input, cacheWrite5m, cacheWrite1h, cacheRead } = scenario.tokens;
    const count = { input_tokens: input + cacheWrite5m + cacheWrite1h + cacheRead };
    return await send(jsonAnswer(count, scenario, context), scenario);
  }
  if (request.hasStreamOptions && !request.stream) {
    return await refuse(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  if (request.hasStreamOptions && scenario.usage === 'reject-include') {
    return await send(errorAnswer(namedError('openai-unknown-stream-options', context), context), scenario);
  }
  await send(chatAnswer(scenario, request, context), scenario);
}

function openEntry(
  deps: TrafficDeps,
  req: IncomingMessage,
  res: ServerResponse,
  connection: Connection,
): { entry: BookEntry; exchange: Exchange } {
  const [path = '/', ...query] = (req.url ?? '/').split('?');
  const { rawHeaders } = req;
  connection.requests += 1;
  const entry = deps.books.open({
    method: req.method ?? 'GET',
    path,
    query: query.join('?'),
    requestHeaders: rawHeaders.flatMap((name, index) =>
      index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ''] as const] : [],
    ),
    ...presentedKey(req.headers),
    proxy: deps.proxies.nameOf(req.socket),
    remote: `${req.socket.remoteAddress ?? ''}:${req.socket.remotePort ?? 0}`,
    connection: connection.number,
    requestOnConnection: connection.requests,
  });
  connection.last = entry;
  return { entry, exchange: new Exchange(req, res, deps.books, entry) };
}

/** null when the client left before its body was whole, or sent too much. */
async function readBody(req: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of req) {
      if (!Buffer.isBuffer(chunk)) continue;
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_REQUEST_BYTES) {
        req.socket.destroy();
        return null;
      }
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}

/** The scenario of the `x-fake` header over the one chosen so far; a string says what is wrong with it. */
function directScenario(header: string | string[] | undefined, below: Scenario): Scenario | string | null {
  if (typeof header !== 'string') return null;
  let json: unknown;
  try {
    json = JSON.parse(header);
  } catch {
    return 'x-fake: not JSON';
  }
  const parsed = parseOrProblems(scenarioLayerSchema, json, 'x-fake');
  return parsed.ok ? layScenario(below, parsed.value) : parsed.problems.join('; ');
}

function noteFault(picked: PickedFault | null, fault: Fault | null): BookEntry['fault'] {
  if (picked === null && fault === null) return null;
  const ruleId = picked?.ruleId ?? null;
  if (fault === null) return { ruleId, kind: 'answer' };
  if (fault.kind === 'error') return { ruleId, kind: fault.name };
  return { ruleId, kind: fault.kind === 'status' ? `status-${fault.status}` : fault.kind };
}
