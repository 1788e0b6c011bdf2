import { describe, expect, test } from 'vitest';
import { parseLogLine, type OutputForm } from './log-line.ts';
import { renderLogLine } from './render-log-line.ts';

const AT = new Date(2026, 10, 21, 5, 4, 3, 21);
const READ_AT = new Date(2026, 10, 21, 9, 0, 0, 0);

function render(form: OutputForm, text: string, stream: 'stdout' | 'stderr' = 'stdout'): string {
  const line = parseLogLine(form, { text, stream, readAtMs: READ_AT.getTime() });
  return renderLogLine('router', line, { nameWidth: 8, paint: (_format, plain) => plain });
}

describe('the merged log', () => {
  test('shows a service by time, name, level, message and fields', () => {
    const line = {
      level: 'info',
      time: AT.toISOString(),
      service: 'router',
      instance: 'router-1',
      pid: 7,
      msg: 'request',
      status: 200,
      path: '/v1',
      cost: '0.1 USD',
      tokens: { input: 3 },
    };
    expect(render('service', JSON.stringify(line))).toBe(
      '05:04:03.021 router   info  request status=200 path=/v1 cost="0.1 USD" tokens={"input":3}',
    );
  });

  test('shows an error by its message, without the stack', () => {
    const line = {
      level: 'error',
      time: AT.toISOString(),
      msg: 'failed',
      err: { type: 'Error', message: 'no luck', stack: 'Error: no luck\n at x' },
    };
    expect(render('service', JSON.stringify(line))).toBe('05:04:03.021 router   error failed err="no luck"');
  });

  test('shows what a fake says', () => {
    const line = { time: AT.toISOString(), event: 'ready', name: 'fake-upstream', url: 'http://a' };
    expect(render('service', JSON.stringify(line))).toBe('05:04:03.021 router   info  ready url=http://a');
  });

  test('shows any other text as it is, and as a warning where it came on stderr', () => {
    expect(render('service', 'PORT is not set', 'stderr')).toBe('09:00:00.000 router   warn  PORT is not set');
    expect(render('service', '{"broken', 'stdout')).toBe('09:00:00.000 router   info  {"broken');
    expect(render('mongo', '[1,2]')).toBe('09:00:00.000 router   info  [1,2]');
  });

  test('understands the levels of mongod, whose advice at every start is no warning', () => {
    const line = {
      t: { $date: AT.toISOString() },
      s: 'W',
      c: 'STORAGE',
      id: 1,
      ctx: 'x',
      msg: 'slow disk',
      attr: { ms: 5 },
    };
    expect(render('mongo', JSON.stringify(line))).toBe('05:04:03.021 router   warn  STORAGE: slow disk ms=5');
    expect(render('mongo', JSON.stringify({ ...line, tags: ['startupWarnings'] }))).toContain(' info  ');
    expect(render('mongo', JSON.stringify({ ...line, s: 'D1' }))).toContain(' debug ');
  });

  test('understands the levels of nats-server', () => {
    expect(render('nats', '[12] 2026/11/21 05:04:03.021456 [WRN] Low memory')).toBe(
      '05:04:03.021 router   warn  Low memory',
    );
    expect(render('nats', '[12] 2026/11/21 05:04:03.021456 [INF] Server is ready')).toContain(' info  ');
  });
});
