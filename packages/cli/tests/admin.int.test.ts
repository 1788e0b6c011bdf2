import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { OmgError } from '@omg/errors';
import { keyAdminV1, keyBrokerV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { jsonLines, runOmgIn, type OmgOutcome } from '@omg/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keyView, PoolOfKeys } from './pool-of-keys.ts';
import { provider, providersService, serveForOmg, TOKEN } from './serve-for-omg.ts';

const SECRET = 'sk-ohmygpt-abcdefghijklmnopqrstuvwxyz';
const ACTOR = `cli:${userInfo().username}`;

const stack = new AsyncDisposableStack();
let directory: string;
/** The replica that is asked, and one that owns the pool in some tests. */
const pool = new PoolOfKeys();
const owner = new PoolOfKeys();
let poolAddress: string;
let ownerAddress: string;
let providers: readonly keyBrokerV1.Provider[] = [];
let ownersProviders: readonly keyBrokerV1.Provider[] = [];

interface Given {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function omg(line: string, { stdin = '', env = {} }: Given = {}): Promise<OmgOutcome> {
  const settings = { TZ: 'Europe/Berlin', BROKER_ADDR: poolAddress, SERVICE_TOKEN: TOKEN, ...env };
  return await runOmgIn({ cwd: directory, stdin, env: settings }, line);
}

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'omg-admin-'));
  stack.defer(async () => {
    await rm(directory, { recursive: true });
  });
  const telemetry = stack.use(startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'silent' }));
  const here = [pool.service(), providersService(() => providers)];
  const there = [owner.service(), providersService(() => ownersProviders)];
  const [first, second] = [await serveForOmg(here, telemetry), await serveForOmg(there, telemetry)];
  stack.use(first);
  stack.use(second);
  poolAddress = `127.0.0.1:${first.port}`;
  ownerAddress = `127.0.0.1:${second.port}`;
});
afterAll(async () => {
  await stack.disposeAsync();
});
beforeEach(() => {
  for (const one of [pool, owner]) Object.assign(one, { ownerElsewhere: undefined });
  for (const { asked, keys, secrets, failures } of [pool, owner]) {
    asked.length = 0;
    keys.clear();
    secrets.clear();
    failures.clear();
  }
  providers = [provider()];
  ownersProviders = [];
  pool.keys.set('key-1', keyView('key-1'));
});

describe('omg upstream-keys list', () => {
  test('prints masked keys with their state, what blocks them and until when', async () => {
    const blockedUntil = new Date(Date.now() + 5 * 60_000 + 400);
    const blocked = { status: 'rate_limited', available: false, blockedBy: 'cooling', blockedUntil, route: 'proxy-1' };
    pool.keys.set('key-2', keyView('key-2', blocked));
    expect(await omg('upstream-keys list')).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        'KEY    SECRET           STATUS        BLOCKED BY  ENDS      SLOTS  ROUTE    REQUESTS     TOKENS  LAST USED\n',
        'key-1  sk-ohmyg...wxyz  healthy       -           -          2/50  direct         89  1,234,567  -\n',
        'key-2  sk-ohmyg...wxyz  rate_limited  cooling     in 5 min   2/50  proxy-1        89  1,234,567  -\n',
      ].join(''),
    });
  });

  test('with --json prints an object per key, null for what is not known', async () => {
    const { stdout } = await omg('upstream-keys list --json');
    expect(jsonLines(stdout)).toEqual([
      {
        ...keyView('key-1'),
        blockedBy: null,
        blockedUntil: null,
        generation: 3,
        requestsPerMinute: null,
        tokensPerMinute: null,
        replacedKey: null,
        lastError: null,
        tokensUsed: 1_234_567,
        requestsCount: 89,
        createdAt: '2026-11-20T12:00:00.000Z',
        lastUsedAt: null,
      },
    ]);
  });

  test('follows the pages, hands its filters over, and says how many it leaves out', async () => {
    for (let number = 0; number < 2_500; number += 1) pool.keys.set(`many-${number}`, keyView(`many-${number}`));
    const all = await omg('upstream-keys list --all --json --status healthy,disabled --search many');
    expect(new Set(jsonLines(all.stdout).map((line) => JSON.stringify(line))).size).toBe(2_501);
    expect(pool.requests('listKeys')[2]).toEqual({
      provider: 'ohmygpt',
      statuses: ['healthy', 'disabled'],
      search: 'many',
      pageSize: 1_000,
      pageToken: '2000',
    });
    const usual = await omg('upstream-keys list');
    expect(usual.stdout.trimEnd().split('\n')).toHaveLength(101);
    expect(usual.stderr).toBe('2,401 more keys: --limit N, or --all\n');
  });
});

describe('a command about one pool', () => {
  test('takes the only provider, or asks for one and names them', async () => {
    providers = [provider(), provider({ name: 'openhands' })];
    expect(await omg('upstream-keys list')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'omg: --provider is needed: ohmygpt, openhands\n',
    });
    expect((await omg('upstream-keys list --provider openhands')).code).toBe(0);
    expect(pool.requests('listKeys')).toMatchObject([{ provider: 'openhands' }]);
  });

  test('is made at the owner where the replica that was asked is not it, every call of it', async () => {
    pool.ownerElsewhere = ownerAddress;
    for (let number = 0; number < 1_500; number += 1) owner.keys.set(`k${number}`, keyView(`k${number}`));
    const { code, stdout, stderr } = await omg('upstream-keys list --all --json --verbose');
    expect([code, jsonLines(stdout).length]).toEqual([0, 1_500]);
    expect(stderr).toContain(`the owner is at ${ownerAddress}`);
    expect([pool.requests('listKeys').length, owner.requests('listKeys').length]).toEqual([1, 2]);
  });

  test('fails where the owner is not the owner either, or nobody is', async () => {
    pool.ownerElsewhere = ownerAddress;
    owner.ownerElsewhere = poolAddress;
    const circle = await omg('upstream-keys list');
    expect([circle.code, pool.requests('listKeys').length, owner.requests('listKeys').length]).toEqual([1, 1, 1]);
    pool.ownerElsewhere = '';
    expect(await omg('upstream-keys list')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'omg: key-broker: the pool is not owned here, and its owner is not known at the moment: try again in some seconds\n',
    });
  });
});

test('omg upstream-keys show lays a key out with its bindings', async () => {
  const binding = { keyId: 'key-1', proxyId: 'proxy-1', priority: 1, active: true, orphaned: false };
  pool.keys.set(
    'key-1',
    keyView('key-1', {
      available: false,
      blockedBy: 'disabled',
      enabled: false,
      lastError: 'bad\u001B[2J',
      allowedModels: ['model-a', 'model-b'],
      deniedModels: [{ model: 'model-c', until: new Date(Date.now() + 3_600_000 * 3) }],
      bindings: [{ ...binding, createdAt: undefined, updatedAt: undefined }],
    }),
  );
  const { code, stdout } = await omg('upstream-keys show key-1');
  expect(code).toBe(0);
  for (const text of [
    'Key key-1 of ohmygpt\n',
    '  secret             sk-ohmyg...wxyz\n',
    '  can be leased      no: disabled\n',
    '  models             model-a, model-b\n',
    '  denied models      model-c (ends in 3 h)\n',
    String.raw`  last error         bad\u{1b}[2J`,
  ])
    expect(stdout).toContain(text);
  expect(stdout).toMatch(/Bindings\nKEY .*\nkey-1 +proxy-1 +1 +active/);
  expect(await omg('upstream-keys show nothing')).toMatchObject({
    code: 1,
    stderr: 'omg: key-broker: there is no key nothing\n',
  });
});

describe('omg upstream-keys add', () => {
  test('reads the secret from a file, stdin or a variable, and hands the terms over', async () => {
    const path = await file('secret', `${SECRET}-1\n`);
    const first = await omg(
      `upstream-keys add a --key-file ${path} --slots 20 --rpm 600 --tpm 90000 --failover on --models m,n`,
    );
    expect(first).toEqual({ code: 0, stderr: '', stdout: '1 key added to ohmygpt\n' });
    await omg('upstream-keys add b --key-file - --actor me', { stdin: `${SECRET}-2\r\n` });
    await omg('upstream-keys add c --key-env NEW_KEY', { env: { NEW_KEY: `${SECRET}-3` } });
    const allowed = { slots: 20, requestsPerMinute: 600, tokensPerMinute: 90_000n, enableFailover: true };
    const fields = { apiKey: `${SECRET}-1`, ...allowed, allowedModels: { models: ['m', 'n'] } };
    expect(pool.requests('addKeys')).toMatchObject([
      { provider: 'ohmygpt', keys: [{ keyId: 'a', fields }], actor: ACTOR, dryRun: false },
      { keys: [{ keyId: 'b', fields: { apiKey: `${SECRET}-2` } }], actor: 'me' },
      { keys: [{ keyId: 'c', fields: { apiKey: `${SECRET}-3` } }] },
    ]);
  });

  test('says why a key is refused and fails', async () => {
    expect(await omg('upstream-keys add key-1 --key-file -', { stdin: SECRET })).toEqual({
      code: 1,
      stdout: 'REFUSED  REASON\nkey-1    there is a key of this name\n0 keys added to ohmygpt\n',
      stderr: 'omg: 1 key of 1 refused\n',
    });
  });

  test.each([
    ['', 'the key itself is needed: --key-file FILE (- is stdin), or --key-env', 2],
    ['--key-file - --key-env X', '--key-file and --key-env exclude each other', 2],
    ['--key-file -', 'stdin does not hold a key: one word is expected', 1],
    ['--key-env NOT_THERE', 'NOT_THERE is not set in the environment', 1],
    ['--api-key sk', 'omg upstream-keys add has no option --api-key; omg upstream-keys add --help lists them', 2],
    ['--key-file - --failover yes', '--failover is on or off, not "yes"', 2],
    ['--key-file - --models a,,b', '--models has an empty place between its commas', 2],
  ])('"%s" is refused in a sentence', async (options, sentence, code) => {
    const outcome = await omg(`upstream-keys add a ${options}`, { stdin: `${SECRET} ${SECRET}` });
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toBe(`omg: ${sentence}\n`);
  });
});

describe('omg upstream-keys import', () => {
  test('adds 30,000 keys in chunks, refuses the faulty lines and reports each', async () => {
    const rows = Array.from({ length: 30_000 }, (_, index) => `new-${index}|${SECRET}-${index}`);
    rows[4] = SECRET;
    rows[9] = `other|${SECRET}-8`;
    rows[14] = `key-1|${SECRET}-14`;
    const path = await file('keys.txt', `# keys\n\n${rows.join('\n')}\n`);
    const outcome = await omg(`upstream-keys import --file ${path}`);
    expect(outcome).toEqual({
      code: 1,
      stdout: [
        'LINE  REFUSED  REASON\n',
        '   7  -        id|apiKey is expected\n',
        '  12  other    it has the key of line 11\n',
        '  17  key-1    there is a key of this name\n',
        '29,997 keys added to ohmygpt\n',
      ].join(''),
      stderr: 'omg: 3 keys of 30,000 refused\n',
    });
    expect(pool.keys.size).toBe(29_998);
    const sizes = pool.requests('addKeys').map((request) => ('keys' in request ? [request.keys].flat().length : 0));
    expect(sizes).toEqual([...Array.from({ length: 29 }, () => 1_000), 998]);
  });

  test('with --dry-run only says what would become of them', async () => {
    const rows = [
      { id: 'a', apiKey: `${SECRET}-a`, slots: 3, allowedModels: ['m'] },
      { id: 'key-1', apiKey: SECRET },
    ];
    const { code, stdout } = await omg('upstream-keys import --file - --dry-run --json', {
      stdin: JSON.stringify(rows, null, 2),
    });
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toEqual([
      { entry: 1, id: 'a', ok: true, reason: null },
      { entry: 2, id: 'key-1', ok: false, reason: 'there is a key of this name' },
    ]);
    expect(pool.requests('addKeys')).toMatchObject([
      { dryRun: true, keys: [{ fields: { slots: 3, allowedModels: { models: ['m'] } } }, {}] },
    ]);
  });

  test('that breaks in the middle tells what is done, and that it may be repeated', async () => {
    const rows = Array.from({ length: 1_500 }, (_, index) => `new-${index}|${SECRET}-${index}`);
    pool.failures.set('addKeys', { from: 2, error: new OmgError('unavailable', 'the server is stopping') });
    const { code, stdout, stderr } = await omg('upstream-keys import --file -', { stdin: rows.join('\n') });
    expect([code, stdout]).toEqual([1, '1,000 keys added to ohmygpt\n']);
    expect(stderr).toBe(
      `omg: key-broker at ${poolAddress} cannot answer now: the server is stopping\n` +
        'omg: nothing is known of the last 500: import the file again, what is there already is refused\n',
    );
  });

  test('of nothing fails', async () => {
    expect(await omg('upstream-keys import --file -', { stdin: '\n# none\n' })).toMatchObject({
      code: 1,
      stderr: 'omg: there is nothing to import in -\n',
    });
  });
});

describe('one thing done with several keys', () => {
  test.each([
    ['enable', keyAdminV1.KeyOperation.ENABLE],
    ['pause', keyAdminV1.KeyOperation.PAUSE],
    ['reset', keyAdminV1.KeyOperation.RESET],
    ['disable', keyAdminV1.KeyOperation.DISABLE],
    ['disable --now --yes', keyAdminV1.KeyOperation.DISABLE_NOW],
    ['rotate --yes', keyAdminV1.KeyOperation.ROTATE],
  ])('upstream-keys %s', async (verb, operation) => {
    const { code, stdout } = await omg(`upstream-keys ${verb} key-1`);
    expect([code, stdout.split('\n')[1]?.startsWith('key-1 ')]).toEqual([0, true]);
    expect(pool.requests('operateKey')).toEqual([{ provider: 'ohmygpt', keyId: 'key-1', operation, actor: ACTOR }]);
  });

  test('goes on after one that is not there, and fails in the end', async () => {
    pool.keys.set('key-3', keyView('key-3'));
    const { code, stdout, stderr } = await omg('upstream-keys enable key-1 key-2 key-3 --json');
    expect(jsonLines(stdout)).toMatchObject([{ keyId: 'key-1' }, { keyId: 'key-3' }]);
    expect([code, stderr]).toEqual([1, 'omg: key-broker: there is no key key-2\n']);
  });

  test('stops at a service that cannot answer', async () => {
    pool.failures.set('operateKey', { from: 1, error: new OmgError('unavailable', 'the server is stopping') });
    expect((await omg('upstream-keys enable key-1 key-2')).code).toBe(1);
    expect(pool.requests('operateKey')).toHaveLength(1);
  });

  test('edits what is given, and nothing else', async () => {
    expect((await omg('upstream-keys edit key-1 --slots 0 --any-model')).code).toBe(0);
    const fields = {
      apiKey: undefined,
      slots: 0,
      requestsPerMinute: undefined,
      tokensPerMinute: undefined,
      enableFailover: undefined,
      allowedModels: { models: [] },
    };
    expect(pool.requests('editKey')).toEqual([{ provider: 'ohmygpt', keyId: 'key-1', fields, actor: ACTOR }]);
  });

  test('tests each and fails when one fails', async () => {
    pool.keys.set('key-2', keyView('key-2'));
    const { code, stdout, stderr } = await omg('upstream-keys test key-1 key-2 --model model-a');
    expect([code, stderr]).toEqual([1, 'omg: 1 key of 2 failed\n']);
    expect(stdout).toMatch(/^key-1 +ok +200 +812 ms +proxy-1 +primary +-$/m);
    expect(stdout).toMatch(/^key-2 +auth +401 +812 ms +proxy-1 +primary +the key is not accepted$/m);
  });
});

describe('what cannot be taken back', () => {
  test.each([
    ['upstream-keys delete key-1', 'delete the key key-1 of ohmygpt with all bindings'],
    ['upstream-keys rotate key-1 key-2', 'rotate 2 keys of ohmygpt'],
    ['upstream-keys disable key-1 --now', 'disable the key key-1 of ohmygpt'],
    ['backup-keys delete spare', 'delete the backup key spare of ohmygpt'],
    ['proxies delete p q', 'delete 2 proxies with the bindings of all pools'],
    ['bindings delete key-1 p', 'unbind the key key-1 of ohmygpt from p'],
  ])('omg %s needs --yes where nobody can be asked', async (line, deed) => {
    expect(await omg(line)).toEqual({
      code: 2,
      stdout: '',
      stderr: `omg: --yes is needed to ${deed} where nobody can be asked\n`,
    });
    expect(pool.asked).toEqual([]);
  });

  test('is done with --yes, and what is refused is reported', async () => {
    expect(await omg('upstream-keys delete key-1 nothing -y')).toEqual({
      code: 1,
      stdout: 'REFUSED  REASON\nnothing  there is no such key\n1 key deleted, with 4 bindings\n',
      stderr: 'omg: 1 key of 2 refused\n',
    });
    expect((await omg('bindings delete key-1 p --yes')).stdout).toBe('key-1 is not bound to p any more\n');
    expect((await omg('proxies delete p --yes')).stdout).toBe('1 proxy deleted, with 1 binding\n');
    expect((await omg('backup-keys delete spare --yes --json')).stdout).toBe(
      '{"id":"spare","ok":true,"reason":null}\n',
    );
  });
});

test('omg upstream-keys history prints what happened, of one key where it is named', async () => {
  const at = new Date('2026-11-20T23:30:00Z');
  const states = { from: 'healthy', to: 'exhausted', generation: 4n };
  pool.history = [{ keyId: 'key-1', cause: 'auth', ...states, actor: '', at, message: 'the key is not accepted' }];
  expect((await omg('upstream-keys history key-1 --limit 5')).stdout).toBe(
    [
      'TIME                 KEY    CAUSE  FROM     TO         GENERATION  ACTOR  MESSAGE\n',
      '2026-11-21 00:30:00  key-1  auth   healthy  exhausted           4  -      the key is not accepted\n',
    ].join(''),
  );
  expect(pool.requests('listHistory')).toEqual([{ provider: 'ohmygpt', keyId: 'key-1', pageSize: 5, pageToken: '' }]);
  expect((await omg('upstream-keys history a b')).code).toBe(2);
});

test('omg upstream-keys stats sums a pool up, as its owner sees it', async () => {
  const nothing = { keys: 0, keysAvailable: 0, statuses: [], backupKeysLeft: 0, proxies: 0, proxiesUsable: 0 };
  providers = [provider({ ...nothing, owner: ownerAddress })];
  ownersProviders = [provider({ owner: ownerAddress })];
  pool.ownerElsewhere = ownerAddress;
  for (let number = 0; number < 2_000; number += 1) owner.keys.set(`k${number}`, keyView(`k${number}`));
  expect(await omg('upstream-keys stats')).toEqual({
    code: 0,
    stderr: '',
    stdout: [
      'ohmygpt\n',
      '  keys              12,000, 11,999 available\n',
      '    healthy         11,999\n',
      '    exhausted       1\n',
      '  backup keys left  50\n',
      '  proxies usable    9 of 10\n',
      '  slots in use      7 of 100,000\n',
      '  requests          178,000\n',
      '  tokens            2,469,134,000\n',
    ].join(''),
  });
  const { stdout } = await omg('upstream-keys stats --provider ohmygpt --json');
  expect(jsonLines(stdout)).toMatchObject([
    { provider: 'ohmygpt', statuses: { healthy: 11_999 }, tokens: 2_469_134_000 },
  ]);
});

test('omg providers list shows the counts that owners have, and those of an owner that is away not', async () => {
  const unknown = { keys: 0, keysAvailable: 0, ready: false, reason: 'owned by another replica' };
  providers = [
    provider({ ...unknown, owner: ownerAddress }),
    provider({ ...unknown, name: 'openhands', owner: '127.0.0.1:1' }),
  ];
  ownersProviders = [provider({ owner: ownerAddress }), provider({ ...unknown, name: 'openhands' })];
  const { code, stdout } = await omg('providers list --json');
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toMatchObject([
    { name: 'ohmygpt', ready: true, keys: 12_000 },
    { name: 'openhands', ready: false, keys: 0, reason: 'owned by another replica' },
  ]);
});

describe('omg backup-keys', () => {
  beforeEach(() => {
    const createdAt = new Date('2026-11-20T12:00:00Z');
    const none = { used: false, activated: false, usedFor: '', usedAt: undefined, deletedAt: undefined };
    const usedAt = new Date(Date.now() - 3_600_000 * 3);
    const deletedAt = new Date(Date.now() + 3_600_000 * 9 + 400);
    const view = { maskedKey: 'sk-ohmyg...wxyz', enableFailover: undefined, createdAt };
    pool.backupKeys = [
      { keyId: 'spare-1', ...view, ...none },
      { keyId: 'spare-2', ...view, used: true, activated: true, usedFor: 'key-9', usedAt, deletedAt },
    ];
  });

  test('list tells which are left, and until when others can give their place back', async () => {
    const { stdout } = await omg('backup-keys list --unused');
    expect(pool.requests('listBackupKeys')).toEqual([{ provider: 'ohmygpt', unused: true }]);
    expect(stdout).toMatch(/^spare-1 .* unused +- +- +- +as the key/m);
    expect(stdout).toMatch(/^spare-2 .* used +key-9 +3 h ago +in 9 h +as the key/m);
  });

  test('add, import, edit and restore hand over what they are given', async () => {
    const added = await omg('backup-keys add spare-3 --key-file - --failover off', { stdin: SECRET });
    const imported = await omg('backup-keys import --file -', { stdin: `spare-4|${SECRET}` });
    expect([added.stdout, imported.stdout]).toEqual([
      '1 backup key added to ohmygpt\n',
      '1 backup key added to ohmygpt\n',
    ]);
    const common = { provider: 'ohmygpt', actor: ACTOR };
    expect(pool.requests('addBackupKeys')).toEqual([
      { ...common, dryRun: false, backupKeys: [{ keyId: 'spare-3', apiKey: SECRET, enableFailover: false }] },
      { ...common, dryRun: false, backupKeys: [{ keyId: 'spare-4', apiKey: SECRET, enableFailover: undefined }] },
    ]);
    expect((await omg('backup-keys edit spare-1 --failover on')).code).toBe(0);
    expect(pool.requests('editBackupKey')).toEqual([
      { ...common, keyId: 'spare-1', apiKey: undefined, enableFailover: true },
    ]);
    expect((await omg('backup-keys restore spare-2')).stdout).toContain('key-1');
    expect(pool.requests('restoreKey')).toEqual([{ ...common, backupKeyId: 'spare-2' }]);
  });
});

describe('omg proxies', () => {
  beforeEach(() => {
    const checks = { checkedAt: new Date(), checksOk: 4, checksFailed: 1 };
    const cooldownUntil = new Date(Date.now() + 240_400);
    pool.proxies = [
      {
        proxyId: 'p-1',
        name: 'Berlin',
        type: keyBrokerV1.ProxyType.SOCKS5,
        host: '10.0.0.9',
        port: 1_080,
        username: 'me',
        hasPassword: true,
        active: true,
        health: [
          { provider: 'ohmygpt', standing: 'healthy', cooldownUntil: undefined, lastError: '', ...checks },
          { provider: 'openhands', standing: 'unusable', cooldownUntil, lastError: 'refused', ...checks },
        ],
        bindings: 1_200,
      },
    ];
    providers = [provider(), provider({ name: 'openhands' })];
  });

  test('list shows how each pool sees them', async () => {
    expect((await omg('proxies list')).stdout).toBe(
      [
        'PROXY  NAME    TYPE    ADDRESS        USER  PASSWORD  ENABLED  BINDINGS  HEALTH\n',
        'p-1    Berlin  socks5  10.0.0.9:1080  me    yes       yes         1,200  ohmygpt healthy, openhands unusable (ends in 4 min)\n',
      ].join(''),
    );
    expect(jsonLines((await omg('proxies list --json')).stdout)).toMatchObject([{ proxyId: 'p-1', type: 'socks5' }]);
  });

  test('add takes the address from a URL and the password from elsewhere', async () => {
    const { stdout } = await omg('proxies add socks5://10.0.0.9 --username me --password-file -', {
      stdin: 'pass word\n',
    });
    expect(stdout).toBe('1 proxy added: made-of-10.0.0.9\n');
    const fields = { type: keyBrokerV1.ProxyType.SOCKS5, host: '10.0.0.9', port: 1_080 };
    expect(pool.requests('addProxies')).toMatchObject([
      { provider: 'ohmygpt', proxies: [{ proxyId: '', fields: { ...fields, username: 'me', password: 'pass word' } }] },
    ]);
    expect(await omg('proxies add http://me:pw@10.0.0.9:3128')).toMatchObject({
      code: 2,
      stderr: 'omg: the URL must not hold a user or a password: --username, --password-file, --password-env\n',
    });
  });

  test('import, edit, enable and disable hand over what they are given', async () => {
    await omg('proxies import --file -', { stdin: 'p-2|http://me:p%40ss@10.0.0.9:3128\n' });
    expect(pool.requests('addProxies')).toMatchObject([
      { proxies: [{ proxyId: 'p-2', fields: { username: 'me', password: 'p@ss', port: 3_128 } }], actor: ACTOR },
    ]);
    for (const line of ['edit p-1 --no-credentials', 'edit p-1 --url http://h:1', 'enable p-1', 'disable p-1'])
      expect((await omg(`proxies ${line}`)).code).toBe(0);
    expect(pool.requests('editProxy')).toMatchObject([
      { proxyId: 'p-1', fields: { username: '', password: '', host: undefined } },
      { fields: { type: keyBrokerV1.ProxyType.HTTP, host: 'h', port: 1, username: undefined, active: undefined } },
      { fields: { active: true } },
      { fields: { active: false } },
    ]);
  });

  test('check reaches every provider, and fails when one cannot be reached', async () => {
    const { code, stdout } = await omg('proxies check good bad');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^good +openhands +ok +12 ms +-$/m);
    expect(stdout).toMatch(/^bad +ohmygpt +failed +12 ms +the proxy refuses us \(407\)$/m);
    expect(await omg('proxies check good --provider ohmygpt')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('omg bindings', () => {
  test('list and set hand over what they are given', async () => {
    const at = new Date('2026-11-20T23:30:00Z');
    const binding = { keyId: 'key-1', proxyId: 'p-1', priority: 2, active: true, createdAt: at, updatedAt: at };
    pool.bindings = [
      { ...binding, orphaned: false },
      { ...binding, keyId: 'gone', orphaned: true },
    ];
    expect((await omg('bindings list --key key-1 --proxy p-1')).stdout).toBe(
      [
        'KEY    PROXY  PRIORITY  STATE     CREATED              CHANGED\n',
        'key-1  p-1           2  active    2026-11-21 00:30:00  2026-11-21 00:30:00\n',
        'gone   p-1           2  orphaned  2026-11-21 00:30:00  2026-11-21 00:30:00\n',
      ].join(''),
    );
    expect(pool.requests('listBindings')).toEqual([{ provider: 'ohmygpt', keyId: 'key-1', proxyId: 'p-1' }]);
    await omg('bindings set key-1 p-1');
    await omg('bindings set key-1 p-1 --priority 3 --active off');
    const named = { provider: 'ohmygpt', keyId: 'key-1', proxyId: 'p-1', actor: ACTOR };
    expect(pool.requests('setBinding')).toEqual([
      { ...named, priority: 0, active: undefined },
      { ...named, priority: 3, active: false },
    ]);
    expect((await omg('bindings set key-1 p-1 --priority 11')).code).toBe(2);
  });

  test('repair and reload do every pool, or one', async () => {
    providers = [provider(), provider({ name: 'openhands' })];
    expect((await omg('bindings repair')).stdout).toBe(
      [
        'PROVIDER   CHECKED  REPAIRED  DELETED\n',
        'ohmygpt     12,000         2        1\n',
        'openhands   12,000         2        1\n',
      ].join(''),
    );
    expect(jsonLines((await omg('reload --json --provider openhands')).stdout)).toEqual([
      { provider: 'openhands', keys: 1, backupKeys: 50, proxies: 10, bindings: 12 },
    ]);
  });
});
