import { randomUUIDv7 } from 'node:crypto';
import type { Socket } from 'node:net';
import { errorAnswer } from '@omg/llm-wire';
import type { FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { sendDialectError } from './send-dialect-error.ts';

/**
 * For Fastify(): what is refused before a route is found answers like all else, and not in the server's own words.
 * A request that cannot be read at all names no route: it gets the OpenAI dialect, whose error Anthropic's SDK finds too.
 */
export function dialectServerOptions(): Pick<FastifyServerOptions, 'frameworkErrors' | 'clientErrorHandler'> {
  return {
    frameworkErrors: (_error, request: FastifyRequest, reply: FastifyReply) => {
      void sendDialectError(request, reply, { kind: 'bad_request', message: 'the path is not properly encoded' });
    },
    clientErrorHandler: (error, socket) => {
      refuse(error, socket);
    },
  };
}

function refuse({ code }: NodeJS.ErrnoException, socket: Socket): void {
  // a client that is gone reads no answer
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLarge = code === 'HPE_HEADER_OVERFLOW';
  const { status, headers, body } = errorAnswer('openai', tooLarge ? 'headers_too_large' : 'bad_request', {
    message: tooLarge ? 'the headers are too large' : 'the request is no valid HTTP',
    requestId: randomUUIDv7(),
  });
  const head = Object.entries({ ...headers, 'content-length': body.length, connection: 'close' });
  socket.end(
    `HTTP/1.1 ${status} ${tooLarge ? 'Request Header Fields Too Large' : 'Bad Request'}\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body.toString('utf8')}`,
  );
}
