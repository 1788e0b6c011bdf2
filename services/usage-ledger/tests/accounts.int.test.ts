import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clientKeyDigest, makeClientKey } from '@omg/client-key';
import { Secret } from '@omg/config';
import { createGrpcClient } from '@omg/grpc';
import { accountsV1 } from '@omg/proto-gen';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLIENT_KEY, demoTenant, makeWorld, type Ledger, type World } from './ledger.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

const logged: string[] = [];
const logDestination = {
  write(line: string): void {
    logged.push(line);
  },
};

let world: World;
let ledger: Ledger;
beforeAll(async () => {
  world = await makeWorld();
  ledger = await world.start({
    environment: { LOG_LEVEL: 'debug', ACCOUNT_SNAPSHOT_TTL: '7s' },
    overrides: { logDestination },
  });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Tenant {
  readonly _id: string;
  readonly name: string;
  readonly status: string;
  readonly creditsNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
}
interface ClientKey {
  readonly _id: string;
  readonly name: string;
  readonly status: string;
  readonly expiresAt?: Date;
}
const tenants = () => world.db.collection<Tenant>('tenants');
const keys = () => world.db.collection<ClientKey>('client_keys');

const resolve = async (key = CLIENT_KEY) =>
  (await ledger.accounts.resolveKey({ digest: clientKeyDigest(key), site: 'ohmygpt' })).account;

describe('resolving a key', () => {
  beforeEach(async () => {
    await tenants().updateOne({ _id: 'demo' }, { $set: { status: 'active' } });
    await keys().updateOne({ _id: 'demo-key' }, { $set: { status: 'enabled' }, $unset: { expiresAt: 1 } });
  });

  test('tells whose it is, for how long that counts, and what a request is admitted by', async () => {
    const snapshot = await resolve();
    const { scopes = [] } = snapshot ?? {};
    expect(scopes.map(({ name, kind, ofKey, hard }) => ({ name, kind, ofKey, hard }))).toEqual([
      { name: 'rate|key|demo-key|ohmygpt', kind: accountsV1.QuotaKind.RATE, ofKey: true, hard: true },
      { name: 'rate|tenant|demo|ohmygpt', kind: accountsV1.QuotaKind.RATE, ofKey: false, hard: true },
      { name: 'credit|tenant|demo', kind: accountsV1.QuotaKind.CREDIT, ofKey: false, hard: false },
      {
        name: `budget|tenant|demo|month/UTC/${new Date().toISOString().slice(0, 7)}-01`,
        kind: accountsV1.QuotaKind.BUDGET,
        ofKey: false,
        hard: false,
      },
    ]);
    expect(snapshot).toEqual({
      scopes,
      tenantId: 'demo',
      tenantName: 'Demo',
      clientKeyId: 'demo-key',
      version: 1n,
      status: accountsV1.AccountStatus.ACTIVE,
      ttlMs: 7_000,
    });
  });

  const past = new Date(Date.now() - 1);
  const future = new Date(Date.now() + 60_000);
  test.each([
    ['its tenant is suspended', { status: 'suspended' }, {}, accountsV1.AccountStatus.TENANT_SUSPENDED],
    ['it is disabled', {}, { status: 'disabled' }, accountsV1.AccountStatus.KEY_DISABLED],
    ['it is revoked', {}, { status: 'revoked' }, accountsV1.AccountStatus.KEY_REVOKED],
    ['it has expired', {}, { expiresAt: past }, accountsV1.AccountStatus.KEY_EXPIRED],
    [
      'it has expired, in a suspended tenant',
      { status: 'suspended' },
      { expiresAt: past },
      accountsV1.AccountStatus.KEY_EXPIRED,
    ],
    ['it will expire', {}, { expiresAt: future }, accountsV1.AccountStatus.ACTIVE],
  ])('says when %s', async (_, tenant, key, status) => {
    if (Object.keys(tenant).length > 0) await tenants().updateOne({ _id: 'demo' }, { $set: tenant });
    if (Object.keys(key).length > 0) await keys().updateOne({ _id: 'demo-key' }, { $set: key });
    expect(await resolve()).toMatchObject({ status });
  });

  test.each([
    ['a key that does not exist', clientKeyDigest(makeClientKey())],
    ['what is no digest', Buffer.from('short')],
    ['nothing', Buffer.alloc(0)],
  ])('of %s is not found', async (_, digest) => {
    await expect(ledger.accounts.resolveKey({ digest, site: 'ohmygpt' })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('of a key whose tenant is gone is not found', async () => {
    const key = makeClientKey();
    const file = await bootstrapFile([{ id: 'gone', name: 'Gone', keys: [{ id: 'gone-key', name: 'k', key }] }]);
    await using _ = await world.start({ environment: { BOOTSTRAP_FILE: file } });
    expect(await resolve(key)).toMatchObject({ tenantId: 'gone' });
    await tenants().deleteOne({ _id: 'gone' });
    await expect(resolve(key)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('without a service token is refused', async () => {
    using stranger = createGrpcClient(accountsV1.AccountsService, {
      address: `127.0.0.1:${ledger.service.grpcPort}`,
      token: new Secret('not-the-token-of-anybody'),
      deadlineMs: 2_000,
      telemetry: ledger.service.process.telemetry,
    });
    await expect(stranger.resolveKey({ digest: clientKeyDigest(CLIENT_KEY), site: 'ohmygpt' })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });
});

async function bootstrapFile(list: readonly unknown[]): Promise<string> {
  const path = join(world.directory, `bootstrap-${list.length}-${Math.random()}.json`);
  await writeFile(path, JSON.stringify({ tenants: list }));
  return path;
}

describe('the bootstrap file', () => {
  test('again changes names, and neither money nor what an operator switched', async () => {
    await tenants().updateOne({ _id: 'demo' }, { $set: { status: 'suspended', creditsNanoUsd: 5n, spentNanoUsd: 3n } });
    await keys().updateOne({ _id: 'demo-key' }, { $set: { status: 'disabled' } });
    const before = await tenants().countDocuments();
    const file = await bootstrapFile([{ ...demoTenant(), name: 'New name', creditsUsd: '999' }]);
    for (let time = 0; time < 2; time += 1) {
      await using _ = await world.start({ environment: { BOOTSTRAP_FILE: file } });
    }
    expect(await tenants().findOne({ _id: 'demo' })).toMatchObject({
      name: 'New name',
      status: 'suspended',
      creditsNanoUsd: 5n,
      spentNanoUsd: 3n,
    });
    expect(await keys().findOne({ _id: 'demo-key' })).toMatchObject({ status: 'disabled' });
    expect(await tenants().countDocuments()).toBe(before);
    expect(await keys().countDocuments({ tenantId: 'demo' })).toBe(1);
  });

  test('keeps credits to the nano-dollar', async () => {
    const file = await bootstrapFile([{ id: 'exact', name: 'Exact', creditsUsd: '123456789.123456789' }]);
    await using _ = await world.start({ environment: { BOOTSTRAP_FILE: file } });
    expect(await tenants().findOne({ _id: 'exact' })).toMatchObject({
      creditsNanoUsd: 123_456_789_123_456_789n,
      spentNanoUsd: 0n,
    });
  });

  const badKey = `${CLIENT_KEY.slice(0, -1)}${CLIENT_KEY.endsWith('A') ? 'B' : 'A'}`;
  test.each([
    [
      'a key with a wrong checksum',
      JSON.stringify({ tenants: [{ ...demoTenant(), keys: [{ id: 'k', name: 'n', key: badKey }] }] }),
    ],
    [
      'a key in the wrong place',
      JSON.stringify({ tenants: [{ ...demoTenant(), id: badKey, type: badKey, creditsUsd: badKey }] }),
    ],
    ['a key as a name of something', JSON.stringify({ tenants: [{ id: 'a', name: 'b', [badKey]: true }] })],
    ['a broken file', `{"tenants": [{"key": "${badKey}", ]]`],
    ['broken YAML', `tenants:\n  - key: ${badKey}\n bad: [`],
  ])('with %s is refused, and the refusal does not show it', async (_, text) => {
    const path = join(world.directory, 'faulty.yaml');
    await writeFile(path, text);
    const { status, stderr } = spawnSync(process.execPath, [MAIN], {
      env: { ...process.env, ...world.environment, BOOTSTRAP_FILE: path },
      encoding: 'utf8',
      timeout: 10_000,
    });
    expect(status).toBe(1);
    expect(stderr).toContain(path);
    expect(stderr).not.toContain(badKey.slice(20));
  });

  test('with a key that somebody else has is refused at start, and neither error nor log shows it', async () => {
    const file = await bootstrapFile([
      { id: 'thief', name: 'Thief', keys: [{ id: 'thief-key', name: 'k', key: CLIENT_KEY }] },
    ]);
    const failing = world.start({
      environment: { BOOTSTRAP_FILE: file, LOG_LEVEL: 'debug' },
      overrides: { logDestination },
    });
    await expect(failing).rejects.toMatchObject({ code: 'already_exists' });
    await expect(failing).rejects.toThrow(/thief-key/);
    await expect(failing).rejects.not.toThrow(new RegExp(CLIENT_KEY.slice(20)));
  });
});

test('no document and no log line holds a client key', async () => {
  const documents = await Promise.all([tenants().find().toArray(), keys().find().toArray()]);
  expect(
    JSON.stringify(documents, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  ).not.toContain(CLIENT_KEY.slice(11));
  expect(logged.length).toBeGreaterThan(0);
  expect(logged.join('')).not.toContain(CLIENT_KEY.slice(11));
});
