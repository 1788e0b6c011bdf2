import { clientKeyDigest } from '@omg/client-key';
import { accountsV1 } from '@omg/proto-gen';
import { freshDatabaseName, testMongoUrl, type OmgOutcome } from '@omg/testkit';
import { MongoClient, type Db } from 'mongodb';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startAdmin, type AdminWorld } from './accounts-admin.ts';
import { askLedgerByOmg } from './ask-ledger-by-omg.ts';

vi.setConfig({ testTimeout: 60_000 });

const keyOf = (name: string): string => `sk-old-${Buffer.from(name.padEnd(32, '.')).toString('hex')}`;

interface OldDocument {
  readonly _id: string;
  readonly [member: string]: unknown;
}

const stack = new AsyncDisposableStack();
let running: AdminWorld;
let old: Db;
beforeAll(async () => {
  running = stack.use(await startAdmin());
  const client = stack.use(new MongoClient(testMongoUrl()));
  old = client.db(freshDatabaseName('old'));
  stack.defer(async () => {
    await old.dropDatabase();
  });
  await old.collection<OldDocument>('usersNew').insertMany([
    {
      _id: 'alice',
      apiKey: keyOf('alice'),
      credits: 12.5,
      creditsNew: 0.25,
      refCredits: 3,
      isActive: true,
      role: 'user',
    },
    { _id: 'bob', apiKey: keyOf('bob'), credits: 0, refCredits: 0, isActive: false, role: 'user' },
    { _id: 'carol', credits: -1, role: 'admin' },
    { _id: 'demo', credits: 1_000 },
    { _id: 'dave', apiKey: 'short' },
    { _id: 'e ve' },
  ]);
  await old.collection<OldDocument>('user_keys').insertOne({ _id: 'carol-ci', userId: 'carol', key: keyOf('ci') });
});
afterAll(async () => {
  await stack.disposeAsync();
});

async function omg(line: string): Promise<OmgOutcome> {
  return await askLedgerByOmg(running, `import trollllm ${line}`, { env: { OLD_URL: testMongoUrl() } });
}

const tenantOf = async (tenantId: string) => (await running.admin.getTenant({ tenantId })).tenant;
const statusOf = async (key: string) =>
  (await running.ledger.accounts.resolveKey({ digest: clientKeyDigest(key), site: 'ohmygpt' })).account?.status;

test('accounts of the old system are shown, then taken over, then known', async () => {
  const from = `--from-env OLD_URL --database ${old.databaseName}`;
  const planned = await omg(`${from} --dry-run`);
  expect(planned).toMatchObject({ code: 0, stderr: '' });
  expect(planned.stdout).toMatch(/^demo\s+there is a tenant demo that does not come from there$/m);
  expect(planned.stdout).toMatch(/^dave\s+the client key dave-key is none/m);
  expect(planned.stdout).toMatch(/^e ve\s+a tenant must be/m);
  expect(planned.stdout).toMatch(
    /accounts\s+6\n\s+new tenants\s+3\n\s+new client keys\s+3\n\s+credits\s+\$11\.75\n\s+refCredits\s+\$3\.00\n/,
  );
  await expect(tenantOf('alice')).rejects.toMatchObject({ code: 'not_found' });

  // nobody can be asked here
  const unasked = await omg(from);
  expect(unasked.code).toBe(2);
  expect(unasked.stderr).toContain('--yes is needed');
  await expect(tenantOf('alice')).rejects.toMatchObject({ code: 'not_found' });

  const taken = await omg(`${from} --yes`);
  expect(taken).toMatchObject({ code: 1, stderr: 'omg: 3 accounts of 6 refused\n' });
  expect(await tenantOf('alice')).toMatchObject({ creditsNanoUsd: 12_750_000_000n, refCreditsNanoUsd: 3_000_000_000n });
  expect(await tenantOf('carol')).toMatchObject({ balanceNanoUsd: -1_000_000_000n });
  expect((await tenantOf('demo'))?.balanceNanoUsd).toBe(100_000_000_000n);
  const { ACTIVE, TENANT_SUSPENDED } = accountsV1.AccountStatus;
  expect(await statusOf(keyOf('alice'))).toBe(ACTIVE);
  expect(await statusOf(keyOf('ci'))).toBe(ACTIVE);
  expect(await statusOf(keyOf('bob'))).toBe(TENANT_SUSPENDED);
  await expect(tenantOf('dave')).rejects.toMatchObject({ code: 'not_found' });

  const again = await omg(`${from} --yes`);
  expect(again).toMatchObject({ code: 0, stderr: 'There is nothing to take over.\n' });
  expect(again.stdout).toMatch(/credits\s+\$0\.00\n\s+refCredits\s+\$0\.00\n\s+here already\s+3\n/);
  expect(await tenantOf('alice')).toMatchObject({ balanceNanoUsd: 15_750_000_000n });

  const said = [planned, taken, again].map(({ stdout, stderr }) => stdout + stderr).join('');
  for (const name of ['alice', 'bob', 'ci']) expect(said).not.toContain(keyOf(name).slice(12, -4));
});

test('a database that is another one, or that nobody serves, is told so, and no password is', async () => {
  const other = await omg(`--from ${testMongoUrl()} --database ${old.databaseName}-other`);
  expect(other).toMatchObject({ code: 1, stdout: '' });
  expect(other.stderr).toContain('has no collection usersNew: it has none');
  const { code, stderr } = await omg('--from mongodb://user:canary@127.0.0.1:1/x');
  expect(code).toBe(1);
  expect(stderr).toContain('cannot be reached');
  expect(stderr).not.toContain('canary');
});
