import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { brotliDecompressSync, deflateRawSync, gunzipSync, gzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Dialect } from '@omg/llm-wire';
import { describe, expect, test, vi } from 'vitest';
import { MODEL, startRelayBench, type RelayBench } from './relay-bench.ts';

const BOTH: readonly Dialect[] = ['openai', 'anthropic'];
const UNPACK = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
const CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;
const EVERY_WAY = BOTH.flatMap((dialect) => CODINGS.map((coding) => ({ dialect, coding })));
const PATHS = { openai: '/v1/chat/completions', anthropic: '/v1/messages' };

interface Asked {
  readonly stream?: boolean;
  /** `accept-encoding`. */
  readonly accepts?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it is on the wire. */
  readonly body: Buffer;
  readonly isWhole: boolean;
}

/** Asks as a client that unpacks nothing by itself. */
async function ask(bench: RelayBench, dialect: Dialect, { stream = false, accepts }: Asked = {}): Promise<Answer> {
  const sent = httpRequest(bench.url + PATHS[dialect], {
    method: 'POST',
    headers: {
      authorization: 'Bearer anything',
      'content-type': 'application/json',
      ...(accepts === undefined ? {} : { 'accept-encoding': accepts }),
    },
  });
  sent.end(JSON.stringify({ model: MODEL, max_tokens: 50, messages: [{ role: 'user', content: 'hello' }], stream }));
  const answered = Promise.withResolvers<IncomingMessage>();
  sent.once('response', answered.resolve).once('error', answered.reject);
  const response = await answered.promise;
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
  await new Promise((resolve) => response.once('close', resolve));
  const { statusCode: status = 0, headers, complete: isWhole } = response;
  return { status, headers, body: Buffer.concat(chunks), isWhole };
}

async function startBench(): Promise<RelayBench> {
  const bench = await startRelayBench();
  bench.broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
  return bench;
}

const sentBy = ({ fake }: RelayBench): Buffer => fake.body('last') ?? Buffer.alloc(0);
const COUNTED = { success: true, tokens: { input: 25, output: 20 }, usageSource: 'provider' };

describe('an answer in one piece that its upstream compressed', () => {
  test.each(EVERY_WAY)(
    'is passed on as it came to who reads $coding, and counted: $dialect',
    async ({ dialect, coding }) => {
      await using bench = await startBench();
      bench.fake.setFault({ answer: { encoding: coding } });
      const answer = await ask(bench, dialect, { accepts: 'gzip, deflate, br, zstd' });
      expect(answer.headers['content-encoding']).toBe(coding);
      expect(answer.body).toEqual(sentBy(bench));
      expect(UNPACK[coding](answer.body).toString()).toContain('"usage"');
      expect(bench.outbox.records).toMatchObject([COUNTED]);
    },
  );

  test.each(EVERY_WAY)(
    'is unpacked for who does not read $coding, and counted: $dialect',
    async ({ dialect, coding }) => {
      await using bench = await startBench();
      bench.fake.setFault({ answer: { encoding: coding } });
      const answer = await ask(bench, dialect, { accepts: `${coding};q=0, identity` });
      expect(answer.headers['content-encoding']).toBeUndefined();
      expect(answer.body).toEqual(UNPACK[coding](sentBy(bench)));
      expect(bench.outbox.records).toMatchObject([COUNTED]);
    },
  );

  test('without the header that deflate has, it is read all the same', async () => {
    await using bench = await startBench();
    const body = JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } });
    const headers = { 'content-type': 'application/json', 'content-encoding': 'deflate' };
    const chunks = [{ base64: deflateRawSync(body).toString('base64') }];
    bench.fake.setFault({ answer: { recording: { headers, chunks } } });
    expect((await ask(bench, 'openai')).body.toString()).toBe(body);
    expect(bench.outbox.records).toMatchObject([{ success: true, tokens: { input: 3, output: 4 } }]);
  });

  test.each([
    ['is compressed as nobody knows', 'snappy', Buffer.from('{}')],
    ['is not what it is said to be', 'gzip', Buffer.from('{"choices":[]}')],
    ['ends before its end', 'gzip', gzipSync(JSON.stringify({ choices: ['x'.repeat(5_000)] })).subarray(0, 40)],
    ['unpacks to more than anybody wants', 'gzip', gzipSync(Buffer.alloc(80 * 1024 * 1024))],
  ])('and that %s fails, and nothing of it is seen', async (_, coding, body) => {
    await using bench = await startBench();
    const headers = { 'content-type': 'application/json', 'content-encoding': coding };
    const chunks = [{ base64: body.toString('base64') }];
    bench.fake.setFault({ answer: { recording: { headers, chunks } } });
    const { status, body: told } = await ask(bench, 'openai', { accepts: 'gzip' });
    expect(status).toBe(502);
    expect(JSON.parse(told.toString())).toHaveProperty('error.type');
    expect(bench.outbox.records).toMatchObject([{ success: false, usageSource: 'none' }]);
    expect(bench.broker.granted.every(({ released }) => released.length === 1)).toBe(true);
  });

  test('as an error is understood', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = ['a', 'b'].map((keyId) => ({ keyId, endpointName: 'primary' }));
    const body = gzipSync(JSON.stringify({ error: { message: 'over budget', type: 'budget_exceeded', code: '400' } }));
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    bench.fake.setFault({
      answer: { recording: { status: 400, headers, chunks: [{ base64: body.toString('base64') }] } },
      once: true,
    });
    expect((await ask(bench, 'openai')).status).toBe(200);
    expect(bench.broker.causes).toEqual(['quota', 'success']);
  });
});

describe('a stream that its upstream compressed', () => {
  test.each(EVERY_WAY)('$coding is unpacked event by event, and counted: $dialect', async ({ dialect, coding }) => {
    await using bench = await startBench();
    bench.fake.setFault({ answer: { encoding: coding, fault: { kind: 'stall', after: { tokens: 5 } } } });
    const client = new AbortController();
    const response = await bench.ask(dialect, { stream: true, signal: client.signal });
    expect(response.headers.get('content-encoding')).toBeNull();
    let text = '';
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    // all that came before the upstream fell silent is there, though nothing has ended
    while ((text.match(/"(content|text)":"[^"]/g) ?? []).length < 5) text += (await reader?.read())?.value ?? '';
    client.abort();
    await vi.waitFor(() => {
      expect(bench.outbox.records).toMatchObject([{ abortReason: 'client_gone', tokens: { output: 5 } }]);
    });
    await vi.waitFor(() => {
      expect(bench.fake.bookById('last')?.clientAwayAtMs).not.toBeNull();
    });

    bench.fake.clearFaults();
    bench.fake.setFault({ answer: { encoding: coding, chunks: { randomSeed: 5, maxBytes: 9 } } });
    const whole = await ask(bench, dialect, { stream: true, accepts: coding });
    expect(whole.isWhole).toBe(true);
    expect(whole.headers['content-encoding']).toBeUndefined();
    const sent = UNPACK[coding](sentBy(bench)).toString();
    // the chunk with the usage was not asked for by the client
    expect(whole.body.toString()).toBe(sent.replace(/data: \{[^\n]*"choices":\[\][^\n]*\}\n\n/, ''));
    expect(bench.outbox.records[1]).toMatchObject(COUNTED);
  });

  test.each(BOTH)('and cut ends by an error event that can be read: %s', async (dialect) => {
    await using bench = await startBench();
    bench.fake.setFault({ answer: { encoding: 'gzip', fault: { kind: 'cut', after: { tokens: 5 }, how: 'fin' } } });
    const { body, isWhole } = await ask(bench, dialect, { stream: true, accepts: 'gzip' });
    expect(isWhole).toBe(false);
    expect(body.toString()).toContain('incomplete');
    expect(bench.outbox.records).toMatchObject([{ success: false, abortReason: 'reset', tokens: { output: 5 } }]);
  });

  test('takes no more memory than its client lets it, whatever it unpacks to', async () => {
    await using bench = await startBench();
    const event = 'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"';
    const bomb = gzipSync(`${event}${'x'.repeat(200 * 1024 * 1024)}"}}\n\n`);
    const headers = { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' };
    bench.fake.setFault({ answer: { recording: { headers, chunks: [{ base64: bomb.toString('base64') }] } } });
    const before = process.memoryUsage().rss;
    const client = new AbortController();
    const response = await bench.ask('anthropic', { stream: true, signal: client.signal });
    await response.body?.getReader().read();
    // the upstream is done, and the client takes nothing more
    await vi.waitFor(() => {
      expect(bench.fake.bookById('last')?.closedAtMs).not.toBeNull();
    });
    expect(bench.openStreams.count).toBe(1);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    client.abort();
  });
});
