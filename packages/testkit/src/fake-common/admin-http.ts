import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface AdminRequest {
  /** Groups of the route's path pattern, decoded. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

export interface AdminReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Record<string, string>;
}

export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: RegExp;
  readonly handle: (request: AdminRequest) => AdminReply | Promise<AdminReply>;
}

/** A request that the caller has to change; every problem is named at once. */
export class AdminProblem extends Error {
  readonly status: number;
  readonly problems: readonly string[];

  constructor(status: number, problems: readonly string[]) {
    super(problems.join('; '));
    this.status = status;
    this.problems = problems;
  }
}

export function jsonReply(value: unknown, status = 200): AdminReply {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

export function textReply(text: string): AdminReply {
  return { status: 200, contentType: 'text/plain; charset=utf-8', body: text };
}

export function parseJsonBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new AdminProblem(400, [`the body is not JSON: ${String(error)}`]);
  }
}

/** A server for the few routes of an administration listener. */
export function createAdminServer(routes: readonly AdminRoute[]): Server {
  return createServer((req, res) => {
    void answer(routes, req, res);
  });
}

async function answer(routes: readonly AdminRoute[], req: IncomingMessage, res: ServerResponse): Promise<void> {
  const reply = await route(routes, req).catch(problemReply);
  res.writeHead(reply.status, { 'content-type': reply.contentType, ...reply.headers });
  res.end(reply.body);
}

function problemReply(error: unknown): AdminReply {
  if (error instanceof AdminProblem) return jsonReply({ problems: error.problems }, error.status);
  return jsonReply({ problems: [String(error)] }, 500);
}

async function route(routes: readonly AdminRoute[], req: IncomingMessage): Promise<AdminReply> {
  const url = new URL(req.url ?? '/', 'http://admin');
  const matching = routes.flatMap((candidate) => {
    const match = candidate.path.exec(url.pathname);
    return match === null ? [] : [{ candidate, params: match.slice(1).map(decodeURIComponent) }];
  });
  const found = matching.find(({ candidate }) => candidate.method === req.method);
  if (found !== undefined) {
    const body = await readBody(req);
    return await found.candidate.handle({ params: found.params, query: url.searchParams, body });
  }
  if (matching.length === 0) throw new AdminProblem(404, [`no route ${url.pathname}; GET / lists them`]);
  const allowed = matching.map(({ candidate }) => candidate.method).join(', ');
  throw new AdminProblem(405, [`${String(req.method)} is not allowed on ${url.pathname}; allowed: ${allowed}`]);
}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of req) {
    if (!Buffer.isBuffer(chunk)) continue;
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) throw new AdminProblem(413, [`the body is larger than ${MAX_BODY_BYTES} bytes`]);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
