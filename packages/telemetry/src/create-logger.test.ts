import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createLogger, type Logger } from './create-logger.ts';
import { registerSecret } from './scrub-text.ts';

class Lines extends Writable {
  readonly lines: string[] = [];
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.lines.push(chunk.toString());
    done();
  }
  /** The last line, as data. */
  get last(): Record<string, unknown> {
    const parsed: unknown = JSON.parse(this.lines.at(-1) ?? '{}');
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  }
}

function makeLogger(level: 'debug' | 'info' = 'info'): { logger: Logger; out: Lines } {
  const out = new Lines();
  return { out, logger: createLogger({ service: 'router', instance: 'router-1', level, destination: out }) };
}

test('a line names time, level, service and instance, and then what was said', () => {
  const { logger, out } = makeLogger();
  logger.info({ site: 'openhands' }, 'ready');
  expect(out.last).toEqual({
    level: 'info',
    time: new Date(String(out.last['time'])).toISOString(),
    service: 'router',
    instance: 'router-1',
    site: 'openhands',
    msg: 'ready',
  });
});

test('an error is told with its code, its stack and its causes', () => {
  const { logger, out } = makeLogger();
  const root = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED', request: { headers: 'many' } });
  logger.error({ err: new Error('no lease', { cause: new AggregateError([root], 'both failed') }) }, 'failed');
  expect(out.last['err']).toMatchObject({
    message: 'no lease',
    cause: { message: 'both failed', errors: [{ code: 'ECONNREFUSED', message: 'connect refused' }] },
  });
  expect(out.lines[0]).toContain('create-logger.test.ts');
  expect(out.lines[0]).not.toContain('headers');
});

test('numbers too large for JSON, cycles, maps and broken getters do not break a line', () => {
  const { logger, out } = makeLogger();
  const cycle: Record<string, unknown> = { costNanoUsd: 9_007_199_254_740_993n };
  cycle['self'] = cycle;
  const broken = {
    get x(): string {
      throw new Error('no');
    },
  };
  logger.info({ cycle, broken, map: new Map([['a', 1]]), at: new Date(0) }, 'odd');
  expect(out.last).toMatchObject({
    cycle: { costNanoUsd: '9007199254740993', self: '[circular]' },
    broken: '[unreadable]',
    map: [['a', 1]],
    at: '1970-01-01T00:00:00.000Z',
  });
});

test('a line below the level costs nothing: its fields are not even read', () => {
  const { logger, out } = makeLogger('info');
  let reads = 0;
  const fields = {
    get x() {
      reads += 1;
      return 1;
    },
  };
  logger.debug(fields, 'quiet');
  expect(reads).toBe(0);
  expect(out.lines).toEqual([]);
  logger.info(fields, 'loud');
  expect(reads).toBeGreaterThan(0);
});

test.each([
  ['one long text', { body: 'x'.repeat(10_000_000) }],
  ['many fields', Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`field${index}`, 'value']))],
  ['a wide tree', { tree: Array.from({ length: 90 }, () => Array.from({ length: 90 }, () => 'leaf '.repeat(100))) }],
])('a line stays short with %s in it, and keeps its head and its message', (_, fields) => {
  const { logger, out } = makeLogger();
  logger.warn(fields, 'too much');
  expect(out.lines[0]?.length).toBeLessThan(40_000);
  expect(out.last).toMatchObject({ level: 'warn', service: 'router' });
});

test('a secret that the cut goes through does not leave its first half', () => {
  const { logger, out } = makeLogger();
  for (let before = 8_150; before < 8_200; before += 1)
    logger.info(`${' '.repeat(before)}sk-omg-${'Secret1'.repeat(7)}`);
  expect(out.lines.join('')).not.toContain('Secret1');
});

/** mulberry32: the same seeds give the same values on every run. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const CANARY = 'Canary7';
const NAMES = ['a', 'headers', 'list', 'name', 'token count', 'x y', '__proto__', 'value'];
const SECRET_NAMES = [
  'authorization',
  'x-api-key',
  'apiKey',
  'secret',
  'password',
  'token',
  'Cookie',
  'proxy-authorization',
];

test('no secret leaves in a line, however deep and in whatever it hides', () => {
  const registered = `${CANARY} with spaces "and" more`;
  registerSecret(registered);
  const { logger, out } = makeLogger('debug');

  for (let seed = 1; seed <= 2_000; seed += 1) {
    const random = makeRandom(seed);
    const pick = <T>(...items: readonly [T, ...T[]]): T => items[random(items.length)] ?? items[0];
    const name = (): string => NAMES[random(NAMES.length)] ?? 'a';

    const secretText = (): string =>
      pick(
        `sk-${CANARY}abc`,
        `sk-omg-${CANARY}_-${CANARY}`,
        `Bearer ${CANARY}.x`,
        `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}${CANARY}`,
        `https://user:${CANARY}@host/path`,
        `mongodb+srv://${CANARY}@host`,
        `eyJhbGciOi.${CANARY}.${CANARY}`,
        `${CANARY}${'aB3'.repeat(15)}`,
        registered,
      );
    const text = (): string =>
      pick('plain ', 'code=401 ', '\n', '"', '', 'é ') + secretText() + pick(' after', '', '\n', '"', ', and');
    const secretField = (): object => {
      const secretName = SECRET_NAMES[random(SECRET_NAMES.length)] ?? 'secret';
      return pick<object>(
        { [secretName]: CANARY },
        { [secretName]: [CANARY, { deep: CANARY }] },
        { rawHeaders: ['host', 'x', secretName, CANARY] },
        { entries: [[secretName, CANARY]] },
        { pairs: [{ name: secretName, value: CANARY }] },
        new Map([[secretName, CANARY]]),
        { headers: new Headers({ 'x-api-key': CANARY }) },
        { json: JSON.stringify({ [secretName]: CANARY }) },
        { json: JSON.stringify([['a', 'b'], [secretName, CANARY], { name: secretName, value: CANARY }]) },
        { twice: JSON.stringify(JSON.stringify({ [secretName]: CANARY })) },
      );
    };
    const error = (depth: number): Error =>
      pick(
        new Error(text(), { cause: depth > 0 ? value(depth - 1) : text() }),
        Object.assign(new TypeError(text()), { code: text(), details: secretField() }),
        new AggregateError([new Error(text()), value(Math.max(0, depth - 1))], text()),
        Object.assign(new Error('plain'), { stack: text() }),
      );
    const value = (depth: number): unknown => {
      if (depth === 0) return pick<unknown>(text(), secretField(), Buffer.from(`sk-${CANARY}-in-a-buffer`));
      return pick<() => unknown>(
        () => ({ [name()]: value(depth - 1), [name()]: 1 }),
        () => [value(depth - 1), 'x'],
        () => new Map([[text(), value(depth - 1)]]),
        () => new Set([value(depth - 1)]),
        () => ({ [text()]: 1 }),
        () => error(depth),
        () => ({ toJSON: () => value(depth - 1) }),
        () => new URL(`http://user:${CANARY}@host/?token=${CANARY}`),
        () => new Uint8Array(Buffer.from(`sk-${CANARY}-in-an-array`)),
      )();
    };

    const depth = random(7);
    pick<() => void>(
      () => {
        logger.info({ field: value(depth) }, 'fields');
      },
      () => {
        logger.info(text());
      },
      () => {
        logger.warn('with %s, %j and %o', text(), secretField(), { text: text() });
      },
      () => {
        logger.child({ bound: value(depth), err: error(depth) }).debug('bindings');
      },
      () => {
        logger.child({}, { msgPrefix: text() }).error('prefix');
      },
      () => {
        logger.error(error(depth));
      },
      () => {
        logger.error({ err: error(depth), [text()]: 1 }, text());
      },
      () => {
        logger.info(secretField());
      },
    )();
  }

  expect(out.lines).toHaveLength(2_000);
  const bytes = String([...Buffer.from(CANARY)]);
  const base64 = Buffer.from(CANARY).toString('base64').slice(2, 8);
  const leaks = out.lines.filter((line) =>
    [CANARY, encodeURIComponent(registered), bytes, base64].some((form) => line.includes(form)),
  );
  expect(leaks.slice(0, 3)).toEqual([]);
});
