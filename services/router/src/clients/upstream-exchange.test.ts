import { errors } from 'undici';
import { expect, test } from 'vitest';
import { UpstreamError } from '../app/upstream.ts';
import { UpstreamExchange } from './upstream-exchange.ts';

const never = new AbortController().signal;

/** What undici hands to the one whom it tells. */
function controller() {
  const told: string[] = [];
  return {
    told,
    rawHeaders: null,
    rawTrailers: null,
    aborted: false,
    paused: false,
    reason: null,
    abort: () => void told.push('abort'),
    pause: () => void told.push('pause'),
    resume: () => void told.push('resume'),
  };
}

async function bodyOf(exchange: UpstreamExchange): Promise<{ readonly text: string; readonly error: unknown }> {
  let text = '';
  try {
    for await (const chunk of exchange) text += Buffer.from(chunk).toString();
  } catch (error) {
    return { text, error };
  }
  return { text, error: undefined };
}

test('an answer that begins and breaks off in one turn has begun all the same, and what came of it is there', async () => {
  const exchange = new UpstreamExchange(never);
  const told = controller();
  exchange.onResponseStart(told, 200, { 'request-id': 'req_1' });
  exchange.onResponseData(told, Buffer.from('the '));
  exchange.onResponseData(told, Buffer.from('beginning'));
  exchange.onResponseError(told, new errors.SocketError('other side closed'));
  const { status, headers } = await exchange.response;
  expect({ status, headers }).toEqual({ status: 200, headers: { 'request-id': 'req_1' } });
  const { text, error } = await bodyOf(exchange);
  expect(text).toBe('the beginning');
  expect(error).toBeInstanceOf(UpstreamError);
  expect(error).toMatchObject({ fault: 'reset' });
});

test('an answer that nobody waits for any more has begun, and gives nothing', async () => {
  const stop = new AbortController();
  const exchange = new UpstreamExchange(stop.signal);
  const told = controller();
  exchange.onRequestStart(told);
  exchange.onResponseStart(told, 200, {});
  exchange.onResponseData(told, Buffer.from('unread'));
  stop.abort();
  expect((await exchange.response).status).toBe(200);
  const { text, error } = await bodyOf(exchange);
  expect(text).toBe('');
  expect(error).toMatchObject({ fault: 'aborted' });
  expect(told.told).toEqual(['abort']);
});

test('what fails before there is an answer has none', async () => {
  const exchange = new UpstreamExchange(never);
  exchange.onResponseError(controller(), new errors.HeadersTimeoutError());
  await expect(exchange.response).rejects.toMatchObject({ fault: 'timeout' });
});

test('chunks of one turn are one, and more than waits is kept in the socket', async () => {
  const exchange = new UpstreamExchange(never);
  const told = controller();
  exchange.onRequestStart(told);
  exchange.onResponseStart(told, 200, {});
  await exchange.response;
  const reading = exchange.next();
  exchange.onResponseData(told, Buffer.alloc(40_000, 'a'));
  exchange.onResponseData(told, Buffer.alloc(40_000, 'b'));
  expect(told.told).toEqual(['pause']);
  expect((await reading).value).toEqual(Buffer.concat([Buffer.alloc(40_000, 'a'), Buffer.alloc(40_000, 'b')]));
  expect(told.told).toEqual(['pause', 'resume']);
  exchange.onResponseEnd();
  expect(await exchange.next()).toEqual({ done: true, value: undefined });
});
