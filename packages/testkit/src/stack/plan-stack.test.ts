import { describe, expect, test } from 'vitest';
import { PARTS } from './parts.ts';
import { planStack, type PlannedProcess } from './plan-stack.ts';
import type { PlanOptions } from './stack-options.ts';

const OPTIONS: PlanOptions = {
  rootDir: '/repo',
  dataDir: '/data',
  portOffset: 0,
  routersPerSite: 1,
  parts: PARTS,
  secrets: {
    routerToken: 'router-token-123456',
    operatorToken: 'operator-token-123456',
    clientKey: 'sk-omg-x',
    encryptionKey: 'AAAA',
  },
  baseEnv: { PATH: '/bin' },
};

function plan(options: Partial<PlanOptions> = {}): ReturnType<typeof planStack> {
  return planStack({ ...OPTIONS, ...options });
}

function names(options: Partial<PlanOptions>): readonly string[] {
  return plan(options).processes.map(({ name }) => name);
}

function envOf(name: string, options: Partial<PlanOptions> = {}): Readonly<Record<string, string | undefined>> {
  const run = plan(options).processes.find((process) => process.name === name)?.run;
  return run?.kind === 'node' ? run.env : {};
}

function portsWith(portOffset: number): readonly number[] {
  return plan({ portOffset, routersPerSite: 100, brokers: 10 }).processes.flatMap(({ ports }) =>
    ports.map(({ port }) => port),
  );
}

function namesByStage(stageOf: (process: PlannedProcess) => number): readonly string[] {
  return [...Map.groupBy(plan().processes, stageOf)]
    .toSorted(([a], [b]) => a - b)
    .map(([, group]) => group.map(({ name }) => name).join(' '));
}

describe('the plan of a stack', () => {
  test('what others depend on starts before them', () => {
    expect(namesByStage(({ startStage }) => startStage)).toEqual([
      'mongo nats fake-upstream',
      'key-broker usage-ledger',
      'router-openhands-1 router-ohmygpt-1',
    ]);
  });

  test('routers stop first and mongo last', () => {
    expect(namesByStage(({ stopStage }) => stopStage)).toEqual([
      'router-openhands-1 router-ohmygpt-1',
      'key-broker usage-ledger',
      'fake-upstream',
      'nats',
      'mongo',
    ]);
  });

  test('every port moves by the offset, and no two are the same', () => {
    expect(portsWith(500)).toEqual(portsWith(0).map((port) => port + 500));
    expect(new Set(portsWith(0)).size).toBe(portsWith(0).length);
  });

  test('replica k of a router listens 10(k-1) above the first', () => {
    const { addresses } = plan({ routersPerSite: 3 });
    expect(addresses.openhandsUrls).toEqual([
      'http://127.0.0.1:8004',
      'http://127.0.0.1:8014',
      'http://127.0.0.1:8024',
    ]);
    expect(addresses.ohmygptUrls).toEqual(['http://127.0.0.1:8005', 'http://127.0.0.1:8015', 'http://127.0.0.1:8025']);
    expect(addresses.opsUrls['router-ohmygpt-3']).toBe('http://127.0.0.1:9025');
    expect(envOf('router-ohmygpt-3', { routersPerSite: 3 })).toMatchObject({
      LISTEN: '127.0.0.1:8025',
      OPS_LISTEN: '127.0.0.1:9025',
      JOURNAL_DIR: '/data/journal/router-ohmygpt-3',
    });
  });

  test('replica k of key-broker listens 10(k-1) above the first, and routers know all of them', () => {
    const { addresses } = plan({ brokers: 3 });
    expect(addresses.brokerAddr).toBe('127.0.0.1:7001');
    expect(addresses.brokerAddrs).toEqual(['127.0.0.1:7001', '127.0.0.1:7011', '127.0.0.1:7021']);
    expect(names({ brokers: 3 })).toEqual(expect.arrayContaining(['key-broker', 'key-broker-2', 'key-broker-3']));
    expect(envOf('key-broker-3', { brokers: 3 })).toMatchObject({
      GRPC_LISTEN: '127.0.0.1:7021',
      OPS_LISTEN: '127.0.0.1:7121',
      INSTANCE: 'key-broker-3',
    });
    expect(addresses.opsUrls['key-broker-3']).toBe('http://127.0.0.1:7121');
    expect(envOf('router-ohmygpt-1', { brokers: 2 })['BROKER_ADDR']).toBe('127.0.0.1:7001,127.0.0.1:7011');
    expect(envOf('router-ohmygpt-1')['BROKER_ADDR']).toBe('127.0.0.1:7001');
  });

  test('only the parts that were asked for are started, and the others keep their addresses', () => {
    expect(names({ parts: ['nats', 'router-openhands'], routersPerSite: 2 })).toEqual([
      'nats',
      'router-openhands-1',
      'router-openhands-2',
    ]);
    expect(plan({ parts: ['nats'] }).addresses).toEqual(plan().addresses);
  });

  test('a server that is given is not started, and the services use it', () => {
    const given = { mongodbUrl: 'mongodb://db:1/?replicaSet=a', natsUrl: 'nats://bus:2' };
    expect(names(given)).not.toContain('mongo');
    expect(names(given)).not.toContain('nats');
    expect(envOf('usage-ledger', given)).toMatchObject({ MONGODB_URL: given.mongodbUrl, NATS_URL: given.natsUrl });
    expect(envOf('router-ohmygpt-1', given)).toMatchObject({ NATS_URL: given.natsUrl });
  });

  test('a site with real keys reaches its real upstream, and the other one keeps the fake', () => {
    const env = envOf('key-broker', { upstreamKeys: { ohmygpt: ['real-1', 'real-2'] } });
    expect(env).toMatchObject({
      OHMYGPT_API_KEYS: 'real-1,real-2',
      OPENHANDS_API_KEYS: 'fake-openhands-key-1,fake-openhands-key-2,fake-openhands-key-3',
      OPENHANDS_BASE_URL: 'http://127.0.0.1:7003/openhands',
    });
    expect(env).not.toHaveProperty('OHMYGPT_BASE_URL');
    expect(env).not.toHaveProperty('OHMYGPT_BACKUP_BASE_URL');
  });

  test('a fake key is sent to the fake upstream at the backup endpoint too', () => {
    expect(envOf('key-broker')['OHMYGPT_BACKUP_BASE_URL']).toBe('http://127.0.0.1:7003/ohmygpt-backup');
  });

  test('stacks that share the servers share neither databases nor streams', () => {
    const shared = { databasePrefix: 's1_', usageStream: 'USAGE_S1' };
    expect(envOf('key-broker', shared)['MONGODB_DATABASE']).toBe('s1_key_broker');
    expect(envOf('usage-ledger', shared)).toMatchObject({
      MONGODB_DATABASE: 's1_usage_ledger',
      USAGE_STREAM: 'USAGE_S1',
      REFUSALS_STREAM: 'USAGE_S1_REFUSALS',
    });
    expect(envOf('router-openhands-1', shared)).toMatchObject({
      USAGE_STREAM: 'USAGE_S1',
      REFUSALS_STREAM: 'USAGE_S1_REFUSALS',
    });
  });

  test('the upstream keys and the databases reach no router', () => {
    const env = JSON.stringify(envOf('router-ohmygpt-1', { upstreamKeys: { ohmygpt: ['real-1'] } }));
    expect(env).not.toMatch(/real-1|mongodb:|operator-token/);
  });

  test('values for one part win, and reach no other', () => {
    const options = { baseEnv: { LOG_LEVEL: 'info' }, env: { 'key-broker': { LOG_LEVEL: 'debug' } } };
    expect(envOf('key-broker', options)['LOG_LEVEL']).toBe('debug');
    expect(envOf('usage-ledger', options)['LOG_LEVEL']).toBe('info');
  });
});
