import { randomUUIDv7 } from 'node:crypto';
import type { Socket } from 'node:net';
import { errorAnswer, requestIdHeaders, type GatewayErrorKind } from '@omg/llm-wire';
import type { FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { sendDialectError, type RefusedEarly } from './send-dialect-error.ts';

/** Within which a request has to be there in full; how long its answer takes is another matter. */
const REQUEST_TIMEOUT_MS = 300_000;

type DialectServerOptions = Pick<
  FastifyServerOptions,
  'frameworkErrors' | 'clientErrorHandler' | 'return503OnClosing' | 'requestTimeout'
>;

/**
 * For Fastify(): what is refused before a route is found answers like all else, and not in the server's own words.
 * A request that cannot be read at all names no route: it gets the OpenAI dialect, whose error Anthropic's SDK finds too.
 */
export function dialectServerOptions({
  onRefused,
}: { readonly onRefused?: (refused: RefusedEarly) => void } = {}): DialectServerOptions {
  return {
    frameworkErrors: (_error, request: FastifyRequest, reply: FastifyReply) => {
      const message = 'the path is not properly encoded';
      void sendDialectError(request, reply, { kind: 'bad_request', message }, onRefused);
    },
    clientErrorHandler: (error, socket) => {
      refuse(error, socket, onRefused);
    },
    // registerDialectErrors says it in the dialect
    return503OnClosing: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
  };
}

interface Unreadable {
  readonly kind: GatewayErrorKind;
  readonly reason: string;
  readonly message: string;
}

const INVALID: Unreadable = { kind: 'bad_request', reason: 'Bad Request', message: 'the request is no valid HTTP' };
const BY_CODE: Readonly<Record<string, Unreadable>> = {
  HPE_HEADER_OVERFLOW: {
    kind: 'headers_too_large',
    reason: 'Request Header Fields Too Large',
    message: 'the headers are too large: 16 KiB is what they may have in all',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    kind: 'request_timeout',
    reason: 'Request Timeout',
    message: 'the request was not there in time',
  },
};

function refuse(
  { code }: NodeJS.ErrnoException,
  socket: Socket,
  onRefused: ((refused: RefusedEarly) => void) | undefined,
): void {
  // a client that is gone reads no answer
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { kind, reason, message } = BY_CODE[code ?? ''] ?? INVALID;
  const requestId = randomUUIDv7();
  const { status, headers, body } = errorAnswer('openai', kind, { message, requestId });
  onRefused?.({ dialect: 'openai', kind, status });
  const head = Object.entries({
    ...headers,
    [requestIdHeaders.anthropic]: requestId,
    'content-length': body.length,
    connection: 'close',
  });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body.toString('utf8')}`,
  );
}
