import { describe, expect, test } from 'vitest';
import { PARTS } from './parts.ts';
import { parseUpOptions } from './up-options.ts';

describe('options of scripts/up', () => {
  test('without any, everything is started on the usual ports', () => {
    expect(parseUpOptions([])).toEqual({
      fresh: false,
      portOffset: 0,
      routersPerSite: 1,
      parts: PARTS,
      bench: false,
      restart: true,
      help: false,
    });
  });

  test('each option is understood', () => {
    const args = ['--fresh', '--port-offset', '100', '--routers=2', '--bench', '--no-restart', '--data', '/tmp/x'];
    expect(parseUpOptions(args)).toMatchObject({
      fresh: true,
      portOffset: 100,
      routersPerSite: 2,
      bench: true,
      restart: false,
      dataDir: '/tmp/x',
    });
  });

  test('--only takes parts and short names, in any order', () => {
    expect(parseUpOptions(['--only', 'routers, nats,mongo,fake']).parts).toEqual([
      'mongo',
      'nats',
      'fake-upstream',
      'router-openhands',
      'router-ohmygpt',
    ]);
  });

  test.each([
    [['--frehs'], "Unknown option '--frehs'"],
    [['extra'], "Unexpected argument 'extra'"],
    [['--port-offset'], "'--port-offset <value>' argument missing"],
    [['--port-offset', 'ten'], '--port-offset must be a whole number from 0 to 50000, not "ten".'],
    [['--port-offset=-1'], '--port-offset must be'],
    [['--routers', '0'], '--routers must be a whole number from 1 to 100, not "0".'],
    [['--only', 'mongo,natts'], '--only does not know "natts"; it takes mongo, nats, fake-upstream'],
    [['--only', ''], '--only does not know ""'],
    [['--data', ''], '--data must not be empty.'],
  ])('%j is refused in one sentence', (args, sentence) => {
    const refuse = (): unknown => parseUpOptions(args);
    expect(refuse).toThrow(sentence);
    expect(refuse).toThrow(/^[^\n]+\.$/);
  });
});
