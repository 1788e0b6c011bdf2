import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CHILD = fileURLToPath(new URL('fixtures/child.ts', import.meta.url));

interface Child extends AsyncDisposable {
  readonly kill: (signal: NodeJS.Signals) => void;
  /** The line with this message, as soon as it is there. */
  readonly line: (msg: string) => Promise<Record<string, unknown>>;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly messages: readonly unknown[];
    readonly out: string;
    readonly err: string;
  }>;
}

function run(mode: string): Child {
  const child = spawn(process.execPath, [CHILD, mode], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 15_000,
    killSignal: 'SIGKILL',
  });
  const lines: Record<string, unknown>[] = [];
  const reader = createInterface(child.stdout);
  const arrived = new EventTarget();
  reader.on('line', (line) => {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object') lines.push({ ...parsed });
    arrived.dispatchEvent(new Event('line'));
  });
  const finished = Promise.all([once(child, 'close'), once(reader, 'close'), text(child.stderr)]);
  return {
    kill: (signal) => void child.kill(signal),
    async line(msg) {
      for (;;) {
        const found = lines.find((line) => line['msg'] === msg);
        if (found !== undefined) return found;
        await once(arrived, 'line', { signal: AbortSignal.timeout(10_000) });
      }
    },
    ended: finished.then(([, , err]) => ({
      code: child.exitCode,
      messages: lines.map((line) => line['msg']),
      out: JSON.stringify(lines),
      err,
    })),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await finished;
    },
  };
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s drains, puts everything away in reverse order and exits 0',
  async (signal) => {
    await using child = run('normal');
    await child.line('ready');
    child.kill(signal);
    expect(await child.ended).toMatchObject({
      code: 0,
      err: '',
      messages: [
        'listening',
        'ready',
        'stopping',
        'draining',
        'second resource put away',
        'first resource put away',
        'stopped',
      ],
    });
  },
);

test('while it drains it is not ready, and alive', async () => {
  await using child = run('stuck');
  const { opsPort } = await child.line('listening');
  await child.line('ready');
  const get = async (path: string): Promise<Response> => await fetch(`http://127.0.0.1:${String(opsPort)}${path}`);
  expect((await get('/readyz')).status).toBe(200);
  child.kill('SIGTERM');
  await child.line('draining');
  const readyz = await get('/readyz');
  expect(readyz.status).toBe(503);
  expect(await readyz.json()).toEqual({ ready: false, failing: { phase: 'draining' } });
  expect((await get('/healthz')).status).toBe(200);
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('a second signal, %s, ends it at once', async (signal, code) => {
  await using child = run('stuck');
  await child.line('ready');
  child.kill('SIGTERM');
  await child.line('draining');
  const startedMs = performance.now();
  child.kill(signal);
  expect((await child.ended).code).toBe(code);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test('work that does not end in the time to drain is cut off', async () => {
  await using child = run('slow-drain');
  await child.line('ready');
  child.kill('SIGTERM');
  const { code, messages } = await child.ended;
  expect(messages).toContain('work that ran is cut off');
  expect(messages).toContain('first resource put away');
  expect(code).toBe(0);
});

test('one resource that hangs does not keep the others, and the exit code tells of it', async () => {
  await using child = run('hanging-dispose');
  await child.line('ready');
  child.kill('SIGTERM');
  const { code, messages } = await child.ended;
  expect(messages).toContain('second resource put away');
  expect(messages).toContain('first resource put away');
  expect(messages).toContain('not everything could be put away');
  expect(code).toBe(1);
});

test('faults of the configuration are plain lines on standard error, without a stack, and exit 1', async () => {
  await using child = run('faults');
  expect(await child.ended).toEqual({
    code: 1,
    messages: [],
    out: '[]',
    err: 'child: PORT must be a whole number from 0 to 65535\nchild: MONGODB_URL is not set\n',
  });
});

test('another failure to start is a sentence with its causes, without secrets, and exit 1', async () => {
  await using child = run('unreachable');
  const { code, err, out, messages } = await child.ended;
  expect(code).toBe(1);
  expect(err).toBe('child: MongoDB cannot be reached: connect to mongodb://[redacted]@db refused\n');
  expect(messages).toEqual(['the start failed']);
  expect(out).not.toContain('Canary7');
});

test.each([
  ['rejection', 'nobody caught'],
  ['exception', 'thrown'],
])('an unhandled %s is logged once, without secrets, and exits 1 with everything put away', async (mode, message) => {
  await using child = run(mode);
  const { code, messages, out, err } = await child.ended;
  expect(code).toBe(1);
  expect(messages.filter((msg) => msg === 'an error that nobody caught')).toHaveLength(1);
  expect(messages).toContain('first resource put away');
  expect(messages.at(-1)).toBe('stopped');
  expect(messages).not.toContain('draining');
  expect(out).toContain(message);
  expect(out + err).not.toContain('Canary7');
});

test('a signal during the start calls it off and exits 0', async () => {
  await using child = run('slow-start');
  await child.line('starting');
  child.kill('SIGTERM');
  expect(await child.ended).toMatchObject({ code: 0, messages: ['starting'], err: '' });
});
