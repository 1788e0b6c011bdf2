import { clientKeyDigest, isClientKey } from '@omg/client-key';
import { accountsV1 } from '@omg/proto-gen';
import { jsonLines, type OmgOutcome } from '@omg/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { TOKENS, startAdmin, type AdminWorld } from './accounts-admin.ts';
import { CLIENT_KEY } from './ledger.ts';
import { askLedgerByOmg } from './ask-ledger-by-omg.ts';

// a process for each line
vi.setConfig({ testTimeout: 60_000 });

let running: AdminWorld;
beforeAll(async () => {
  running = await startAdmin();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const omg = async (line: string, env: Readonly<Record<string, string>> = {}): Promise<OmgOutcome> =>
  await askLedgerByOmg(running, line, { env });

/** Of a command that has to succeed. */
async function json(line: string): Promise<readonly unknown[]> {
  const { code, stdout, stderr } = await omg(`${line} --json`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return jsonLines(stdout);
}

async function text(line: string): Promise<string> {
  const { code, stdout } = await omg(line);
  expect(code).toBe(0);
  return stdout;
}

const statusOf = async (secret: string) =>
  (await running.ledger.accounts.resolveKey({ digest: clientKeyDigest(secret), site: 'ohmygpt' })).account?.status;

test('a tenant is made, shown, renamed, suspended and activated, and its history tells all that', async () => {
  expect(await text('tenants create acme --name Acme --actor alice')).toContain('acme    Acme  organization  active');
  expect(await json('tenants suspend acme demo')).toMatchObject([
    { tenantId: 'acme', status: 'suspended' },
    { tenantId: 'demo', status: 'suspended' },
  ]);
  expect(await statusOf(CLIENT_KEY)).toBe(accountsV1.AccountStatus.TENANT_SUSPENDED);
  await text('tenants activate demo');
  expect(await statusOf(CLIENT_KEY)).toBe(accountsV1.AccountStatus.ACTIVE);
  await text('tenants edit acme --name Acme2');
  expect(await json('tenants show acme')).toMatchObject([{ name: 'Acme2', status: 'suspended', balanceNanoUsd: 0 }]);
  expect(await json('tenants list --status suspended')).toMatchObject([{ tenantId: 'acme' }]);
  const history = await json('tenants history acme');
  expect(history).toMatchObject([
    { what: 'tenant_edited', fields: [{ field: 'name', from: 'Acme', to: 'Acme2' }] },
    { what: 'tenant_edited', fields: [{ field: 'status', from: 'active', to: 'suspended' }] },
    { what: 'tenant_created', actor: 'operator/alice' },
  ]);
  expect(await text('tenants history acme')).toContain('name: Acme -> Acme2');
});

test('one that is missing does not keep the others from being changed', async () => {
  const { code, stdout, stderr } = await omg('tenants suspend nobody t1');
  expect(code).toBe(1);
  expect(stdout).toContain('t1');
  expect(stderr).toContain('there is no tenant "nobody"');
});

describe('a client key', () => {
  test('is shown once, alone on stdout, and then never again', async () => {
    const { code, stdout, stderr } = await omg('keys create t2 --name ci --id t2-ci --models model-a --parallel 2');
    const secret = stdout.trimEnd();
    expect(code).toBe(0);
    expect(isClientKey(secret)).toBe(true);
    expect(stderr).toContain('it is shown only now');
    expect(stderr).not.toContain(secret.slice(11, -4));
    expect(await statusOf(secret)).toBe(accountsV1.AccountStatus.ACTIVE);
    const shown = [
      await text('keys show t2-ci'),
      await text('keys list --tenant t2'),
      JSON.stringify([await json('keys show t2-ci'), await json('tenants history t2')]),
    ].join('\n');
    expect(shown).toContain(`${secret.slice(0, 11)}...${secret.slice(-4)}`);
    expect(shown).not.toContain(secret.slice(11, -4));
    expect(shown).toContain('parallel           2');
  });

  test('is rotated with a grace, edited, disabled, enabled and revoked', async () => {
    const [made] = await json('keys create t2 --name laptop --id t2-laptop');
    expect(made).toMatchObject({ clientKeyId: 't2-laptop' });
    const first = secretOf(made);
    expect(isClientKey(first)).toBe(true);
    const second = (await text('keys rotate t2-laptop --grace 1h')).trimEnd();
    const { ACTIVE, KEY_DISABLED, KEY_REVOKED } = accountsV1.AccountStatus;
    expect([await statusOf(first), await statusOf(second)]).toEqual([ACTIVE, ACTIVE]);
    expect(await text('keys show t2-laptop')).toMatch(/earlier secret\s+\S+, works until/);
    expect(
      await json('keys edit t2-laptop --sites ohmygpt --scopes inference,models --expires 2099-01-31'),
    ).toMatchObject([{ sites: ['ohmygpt'], scopes: ['inference', 'models'], expiresAt: '2099-01-31T00:00:00.000Z' }]);
    expect(await json('keys edit t2-laptop --sites all --expires never')).toMatchObject([
      { sites: [], expiresAt: null },
    ]);
    expect(await text('keys disable t2-laptop')).toContain('key_disabled');
    expect(await statusOf(second)).toBe(KEY_DISABLED);
    await text('keys enable t2-laptop');
    expect(await statusOf(second)).toBe(ACTIVE);
    expect(await omg('keys revoke t2-laptop')).toMatchObject({ code: 2, stdout: '' });
    expect(await statusOf(second)).toBe(ACTIVE);
    await text('keys revoke t2-laptop --yes');
    expect(await statusOf(second)).toBe(KEY_REVOKED);
  });
});

test('credits are given, granted, put right and listed', async () => {
  await text('credits top-up t3 --usd 12.50 --reason paid --id invoice-1');
  await text('credits top-up t3 --usd 12.50 --reason paid --id invoice-1');
  await text('credits grant t3 --usd 5 --reason welcome');
  await text('credits adjust t3 --usd=-2.5 --reason mistyped');
  expect(await json('tenants show t3')).toMatchObject([
    { creditsNanoUsd: 10_000_000_000, refCreditsNanoUsd: 5_000_000_000, balanceNanoUsd: 15_000_000_000 },
  ]);
  const listed = await text('credits list t3');
  expect(listed.trimEnd().split('\n')).toHaveLength(4);
  expect(listed).toMatch(/top-up\s+credits\s+\$12\.50\s+\$12\.50\s+operator\/cli:\S+\s+-\s+paid/);
  expect(listed).toMatch(/adjust\s+credits\s+-\$2\.50\s+\$15\.00/);
  expect(await omg('credits top-up t3 --usd 5')).toMatchObject({ code: 2, stderr: 'omg: --reason TEXT is needed\n' });
  expect(await omg('credits void no-such-request --reason x')).toMatchObject({
    code: 1,
    stderr: 'omg: usage-ledger: no request "no-such-request" is in the books\n',
  });
});

test('limits of tenants and keys are set and listed', async () => {
  expect(await text('limits set --tenant t3 --rpm 2000')).toContain('requests / minute  2,000');
  await text('limits set --key demo-key --site ohmygpt --parallel 1');
  expect(await text('limits list')).toMatch(/^t3\s+2,000\s+1,000,000\s+100\s+yes\s+-$/m);
  expect(await text('limits list --tenant demo')).toMatch(
    /^demo-key\s+1,000\s+1,000,000\s+10\s+no\s+ohmygpt: parallel 1$/m,
  );
});

test('budgets of tenants and keys are set, listed and cleared', async () => {
  await text('budgets set --tenant t3 --usd 500 --zone Europe/Berlin --hard');
  await text('budgets set --key demo-key --usd 20 --rolling-days 7 --warn-at 0.5');
  expect(await text('budgets list')).toMatch(/^t3\s+\$500\.00 a month \(Europe\/Berlin, warns at 80 %, hard\)/m);
  expect(await text('budgets list')).toMatch(/^t2\s+\$100\.00 a month \(UTC, warns at 80 %, soft\), the default/m);
  expect(await text('budgets list --tenant demo')).toMatch(
    /^demo-key\s+\$20\.00 in 7 days \(UTC, warns at 50 %, soft\)/m,
  );
  await text('budgets clear --tenant t3 --none');
  await text('budgets clear --key demo-key');
  expect(await json('budgets list --tenant demo')).toMatchObject([{ clientKeyId: 'demo-key', rule: 'default' }]);
  expect(await text('budgets list')).toMatch(/^t3\s+-/m);
  expect(await omg('budgets set --usd 5')).toMatchObject({ code: 2 });
});

test('prices are listed with what they are multiplied by', async () => {
  expect(await text('prices list')).toMatch(
    /^ohmygpt\s+model-a\s+-\s+3\.30\s+16\.50\s+4\.13\s+6\.60\s+0\.33\s+0\.00\s+1\.05\s+1\s/m,
  );
  expect(await json('prices list --versions')).toMatchObject([{ version: 'ohmygpt/model-a@1', until: null }]);
});

test('a token that may not administer is told so', async () => {
  expect(await omg('tenants list', { SERVICE_TOKEN: TOKENS.router })).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'omg: usage-ledger: router may not administer accounts: give it "admin" in SERVICE_GRANTS of usage-ledger\n',
  });
});

function secretOf(made: unknown): string {
  if (typeof made === 'object' && made !== null && 'secret' in made && typeof made.secret === 'string')
    return made.secret;
  throw new Error('there is no secret in the answer');
}
