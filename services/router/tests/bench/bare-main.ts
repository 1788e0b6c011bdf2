import Fastify from 'fastify';
import { Pool } from 'undici';

/**
 * What is compared with the router: the same server and the same client with nothing between them. Prints nothing, and
 * listens where PORT says.
 */
const pool = new Pool(process.env['UPSTREAM'] ?? '', { headersTimeout: 0, bodyTimeout: 0 });
const app = Fastify({ logger: false });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
  done(null, body);
});
app.post('/*', async (request, reply) => {
  const { authorization = '' } = request.headers;
  const { statusCode, headers, body } = await pool.request({
    path: request.url,
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: Buffer.isBuffer(request.body) ? request.body : null,
  });
  reply.hijack();
  const length = headers['content-length'];
  reply.raw.writeHead(statusCode, {
    'content-type': String(headers['content-type']),
    ...(length === undefined ? {} : { 'content-length': String(length) }),
  });
  body.pipe(reply.raw);
});
await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
