import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dialectServerOptions, registerCors, registerDialectErrors } from '../src/index.ts';

const PAGE = 'https://chat.example';

let app: FastifyInstance;
let url: string;
let origins: readonly string[];

beforeEach(async () => {
  origins = [PAGE];
  app = Fastify(dialectServerOptions());
  registerCors(app, { origins: () => origins, exposed: ['x-request-id', 'retry-after'] });
  registerDialectErrors(app, { onFault: () => undefined });
  app.post('/v1/messages', async () => await Promise.resolve('answer'));
  app.post('/v1/taken', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, ['content-type', 'text/plain']).end('taken over');
  });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await app.close();
});

const preflight = async (origin: string, path = '/v1/messages'): Promise<Response> =>
  await fetch(url + path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,x-stainless-lang',
    },
  });
const corsOf = ({ headers }: Response): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));

test('a preflight of an allowed origin is answered, without a key', async () => {
  const response = await preflight(PAGE);
  expect(response.status).toBe(204);
  expect(corsOf(response)).toEqual({
    'access-control-allow-origin': PAGE,
    'access-control-allow-methods': 'GET, HEAD, POST',
    'access-control-allow-headers': 'authorization,x-stainless-lang',
    'access-control-max-age': '7200',
    'access-control-expose-headers': 'x-request-id, retry-after',
  });
  expect(response.headers.get('vary')).toBe('origin');
});

test.each(['https://other.example', `${PAGE}:8080`, 'null'])('one of %s is not', async (origin) => {
  const response = await preflight(origin);
  expect(response.status).toBe(405);
  expect(corsOf(response)).toEqual({});
});

test('answers, errors and answers that were taken over from the framework can be read by the page', async () => {
  for (const [path, status] of [
    ['/v1/messages', 200],
    ['/v1/taken', 200],
    ['/nothing', 404],
  ] as const) {
    const response = await fetch(url + path, { method: 'POST', headers: { origin: PAGE } });
    expect(response.status).toBe(status);
    expect(corsOf(response)).toEqual({
      'access-control-allow-origin': PAGE,
      'access-control-expose-headers': 'x-request-id, retry-after',
    });
    expect(response.headers.get('vary')).toBe('origin');
  }
});

test('who does not say where it comes from gets the same answer as ever', async () => {
  const response = await fetch(`${url}/v1/messages`, { method: 'POST' });
  expect(await response.text()).toBe('answer');
  expect(corsOf(response)).toEqual({});
});

test('without origins nothing is said of them, and the list may change while the server runs', async () => {
  origins = [];
  const response = await preflight(PAGE);
  expect(response.status).toBe(405);
  expect([...response.headers.keys()]).not.toContain('vary');
  origins = ['*'];
  expect(corsOf(await preflight('https://any.example'))).toMatchObject({ 'access-control-allow-origin': '*' });
});
