import { randomUUIDv7 } from 'node:crypto';
import type { Socket } from 'node:net';
import { errorAnswer } from '@omg/llm-wire';
import type { FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { sendDialectError, type RefusedEarly } from './send-dialect-error.ts';

/**
 * For Fastify(): what is refused before a route is found answers like all else, and not in the server's own words.
 * A request that cannot be read at all names no route: it gets the OpenAI dialect, whose error Anthropic's SDK finds too.
 */
export function dialectServerOptions({
  onRefused,
}: { readonly onRefused?: (refused: RefusedEarly) => void } = {}): Pick<
  FastifyServerOptions,
  'frameworkErrors' | 'clientErrorHandler'
> {
  return {
    frameworkErrors: (_error, request: FastifyRequest, reply: FastifyReply) => {
      const message = 'the path is not properly encoded';
      void sendDialectError(request, reply, { kind: 'bad_request', message, onRefused });
    },
    clientErrorHandler: (error, socket) => {
      refuse(error, socket, onRefused);
    },
  };
}

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
  const tooLarge = code === 'HPE_HEADER_OVERFLOW';
  const kind = tooLarge ? 'headers_too_large' : 'bad_request';
  const { status, headers, body } = errorAnswer('openai', kind, {
    message: tooLarge ? 'the headers are too large' : 'the request is no valid HTTP',
    requestId: randomUUIDv7(),
  });
  onRefused?.({ dialect: 'openai', kind, status });
  const head = Object.entries({ ...headers, 'content-length': body.length, connection: 'close' });
  socket.end(
    `HTTP/1.1 ${status} ${tooLarge ? 'Request Header Fields Too Large' : 'Bad Request'}\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body.toString('utf8')}`,
  );
}
