import { keyAdminV1, keyBrokerV1 } from '@omg/proto-gen';
import { searchFiles, startFakeProxy } from '@omg/testkit';
import { expect, test, vi } from 'vitest';
import { ask, HAIKU, PROVIDER, startGateway } from './e2e-gateway.ts';

const { ProxyType } = keyBrokerV1;
const KEY = 'sk-canary-key-4Qm8Zt2Vb7Xw1Rn5';
const EDITED = 'sk-canary-edited-9Lp3Hd6Yc2Ks8Jf4';
const BACKUP = 'oh.5Gv7Nq1Bx9Tm3Wz6.canary';
const ENVIRONMENT = 'sk-canary-environment-2Rk8Fj4Dp6Ls';
const PASSWORD = 'canary-password-7Ux3Ea9Oi5Yb';
const SECRETS = [KEY, EDITED, BACKUP, ENVIRONMENT, PASSWORD];

test('no upstream key and no proxy password is in any file of MongoDB, of NATS, or of a journal or log, after import, edit, rotation and use', async () => {
  await using gateway = await startGateway({
    logLevel: 'debug',
    env: { 'key-broker': { OHMYGPT_API_KEYS: ENVIRONMENT, KEY_COUNTERS_INTERVAL: '200ms' } },
  });
  const { stack, admin, fake, leases } = gateway;
  await using proxy = await startFakeProxy({
    name: 'canary-proxy',
    announceTo: [stack.addresses.fakeAdminUrl],
    users: [{ username: 'somebody', password: PASSWORD }],
  });
  const by = { provider: PROVIDER, actor: 'test', dryRun: false };
  const added = await Promise.all([
    admin.addProxies({
      ...by,
      proxies: [
        {
          proxyId: 'canary-proxy',
          fields: {
            type: ProxyType.HTTP,
            host: proxy.host,
            port: proxy.port,
            username: 'somebody',
            password: PASSWORD,
          },
        },
      ],
    }),
    admin.addKeys({ ...by, keys: [{ keyId: 'canary-key', fields: { apiKey: KEY } }] }),
    admin.addBackupKeys({ ...by, backupKeys: [{ keyId: 'canary-backup', apiKey: BACKUP }] }),
  ]);
  expect(added.flatMap(({ results }) => results.map(({ ok }) => ok))).toEqual([true, true, true]);
  await admin.operateKey({
    provider: PROVIDER,
    keyId: 'env-1',
    operation: keyAdminV1.KeyOperation.DISABLE,
    actor: 'test',
  });
  await admin.setBinding({
    provider: PROVIDER,
    keyId: 'canary-key',
    proxyId: 'canary-proxy',
    priority: 1,
    actor: 'test',
  });
  const url = stack.addresses.ohmygptUrls[0] ?? '';
  expect((await ask(gateway, { url })).status).toBe(200);
  // a secret in an error of the upstream's, and a rotation
  await admin.editKey({ provider: PROVIDER, keyId: 'canary-key', fields: { apiKey: EDITED }, actor: 'test' });
  await fake.setFault({
    match: { key: EDITED },
    fault: { kind: 'status', status: 401, body: { error: { message: `bad key ${EDITED}` } } },
  });
  expect((await ask(gateway, { url, stream: true })).status).toBe(200);
  const books = await fake.books();
  expect(books.map(({ key, proxy: through, status }) => [key, through, status])).toEqual([
    [KEY, 'canary-proxy', 200],
    [EDITED, 'canary-proxy', 401],
    [BACKUP, 'canary-proxy', 200],
  ]);
  // a unary lease, whose report goes through NATS
  const { result } = await leases.acquireLeases({
    provider: PROVIDER,
    model: HAIKU,
    count: 1,
    holder: 'test',
    tokens: 0,
    excludeKeys: [],
  });
  const lease = result?.$case === 'granted' ? result.value.leases[0] : undefined;
  expect(lease).toMatchObject({ secret: BACKUP, proxy: { password: PASSWORD } });
  await leases.reportOutcomes({
    outcomes: [
      {
        leaseId: lease?.leaseId ?? '',
        sequence: 1,
        cause: keyBrokerV1.OutcomeCause.UNSPECIFIED,
        status: 429,
        errorWords: [],
        message: `slow down, ${BACKUP}`,
        model: HAIKU,
        providerRequestId: 'canary-request',
        startedAt: new Date(),
        durationMs: 1,
        stream: false,
        tokens: { input: 1n, output: 1n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n, estimated: false },
      },
    ],
  });
  await vi.waitFor(
    async () => {
      const [key] = await gateway.collection(`${PROVIDER}_keys`).find({ _id: 'canary-backup' }).toArray();
      expect(Number(key?.['requestsCount'])).toBe(2);
      expect(key).toMatchObject({ status: 'rate_limited' });
    },
    { timeout: 10_000, interval: 50 },
  );
  await gateway.brokerDb.admin().command({ fsync: 1 });
  for (const name of stack.names.toReversed()) await stack.stop(name);
  const found = searchFiles(stack.dataDir, [...SECRETS, 'canary-', 'key-broker']);
  // what is not secret is found in each, so that finding nothing means something
  const foldersWith = (text: string): readonly string[] => [
    ...new Set((found.get(text) ?? []).map((path) => path.split('/')[0] ?? '')),
  ];
  expect(foldersWith('canary-')).toEqual(expect.arrayContaining(['mongo', 'nats']));
  expect(foldersWith('key-broker')).toEqual(expect.arrayContaining(['logs']));
  expect(SECRETS.flatMap((secret) => found.get(secret) ?? [])).toEqual([]);
});
