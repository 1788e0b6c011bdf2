import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clientKeyDigest, makeClientKey } from '@omg/client-key';
import { ConfigError } from '@omg/config';
import { accountsV1 } from '@omg/proto-gen';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOTHING_ELSE, TOKENS, startAdmin, type AdminClient, type AdminWorld } from './accounts-admin.ts';
import { readBootstrapFile } from '../src/bootstrap-file.ts';

let running: AdminWorld;
let admin: AdminClient;
beforeAll(async () => {
  running = await startAdmin();
  admin = running.admin;
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const actor = 'alice';

/** Starts another ledger with the file, and stops it. */
async function bootstrap(text: string): Promise<void> {
  const { world } = running;
  const path = join(world.directory, 'stated.yaml');
  await writeFile(path, text);
  const tokens = `router=${TOKENS.router}`;
  await using _ = await world.start({ environment: { BOOTSTRAP_FILE: path, SERVICE_TOKENS: tokens } });
}

const statusOf = async (secret: string) =>
  (await running.ledger.accounts.resolveKey({ digest: clientKeyDigest(secret), site: 'ohmygpt' })).account?.status;
const tenantOf = async (tenantId: string) => (await admin.getTenant({ tenantId })).tenant;
const keyOf = async (clientKeyId: string) => (await admin.getClientKey({ clientKeyId })).key;
const creditsOf = async (tenantId: string) =>
  (await admin.listCredits({ tenantId, pageSize: 0, pageToken: '' })).entries;

const whole = (key: string): string => `
tenants:
  - id: stated
    name: Stated
    type: personal
    creditsUsd: 12.50
    refCreditsUsd: 2
    limits: { requestsPerMinute: 50, sites: [{ site: ohmygpt, parallel: 3 }] }
    budget: { usd: 500, period: week, timeZone: Europe/Berlin, hard: true }
    keys:
      - id: stated-key
        name: first
        key: ${key}
        scopes: [inference]
        allowedModels: [model-a]
        sites: [ohmygpt]
        expiresAt: '2099-01-31T00:00:00+01:00'
        limits: { parallel: 1 }
        budget: { usd: '0.5', rollingDays: 7, warnAt: 0.5 }
      - { id: stated-off, name: second, key: ${makeClientKey()}, enabled: false, budget: none }
`;

test('states everything of an account, and again changes nothing', async () => {
  const text = whole(makeClientKey());
  await bootstrap(text);
  const [tenant, key, off] = [await tenantOf('stated'), await keyOf('stated-key'), await keyOf('stated-off')];
  expect(tenant).toMatchObject({
    name: 'Stated',
    creditsNanoUsd: 12_500_000_000n,
    refCreditsNanoUsd: 2_000_000_000n,
    limits: [
      { site: '', requestsPerMinute: 50 },
      { site: 'ohmygpt', parallel: 3 },
    ],
    budget: { budget: { nanoUsd: 500_000_000_000n, timeZone: 'Europe/Berlin', warnAt: 0.8, hard: true } },
  });
  expect(key).toMatchObject({
    name: 'first',
    usable: true,
    scopes: ['inference'],
    allowedModels: ['model-a'],
    sites: ['ohmygpt'],
    expiresAt: new Date('2099-01-30T23:00:00Z'),
    effectiveLimits: { parallel: 1 },
    budget: { budget: { nanoUsd: 500_000_000n, days: 7, warnAt: 0.5, hard: false } },
  });
  expect(off).toMatchObject({ usable: false, blockedBy: 'key_disabled' });
  const entries = await creditsOf('stated');
  expect(entries.map(({ id, actor: who }) => `${id} by ${who}`).toSorted()).toEqual([
    'bootstrap/stated/credits by bootstrap',
    'bootstrap/stated/refCredits by bootstrap',
  ]);

  await bootstrap(text);
  await bootstrap(text.replace('12.50', '99').replace('500, period: week', '7, period: day'));
  expect(await tenantOf('stated')).toEqual(tenant);
  expect(await keyOf('stated-key')).toEqual(key);
  expect(await creditsOf('stated')).toEqual(entries);
});

describe('a key that the file states', () => {
  const file = (id: string, key: string): string =>
    JSON.stringify({ tenants: [{ id, name: id, keys: [{ id: `${id}-key`, name: 'k', key }] }] });
  const { ACTIVE, KEY_REVOKED } = accountsV1.AccountStatus;

  test('does not come back with the next start when an operator has rotated or revoked it', async () => {
    const stated = makeClientKey();
    await bootstrap(file('leaked', stated));
    const { secret } = await admin.rotateClientKey({ clientKeyId: 'leaked-key', graceMs: 0n, actor });
    // the file's name of it follows, its secret does not
    await bootstrap(file('leaked', stated).replace('"k"', '"another name"'));
    expect(await keyOf('leaked-key')).toMatchObject({ name: 'another name' });
    await expect(statusOf(stated)).rejects.toMatchObject({ code: 'not_found' });
    expect(await statusOf(secret)).toBe(ACTIVE);
    const fields = { ...NOTHING_ELSE, scopes: { words: ['models'] } };
    await admin.editClientKey({ clientKeyId: 'leaked-key', fields, actor });
    await bootstrap(file('leaked', stated));
    expect(await keyOf('leaked-key')).toMatchObject({ scopes: ['models'] });
  });

  test('is replaced when the file states another one', async () => {
    const [first, second] = [makeClientKey(), makeClientKey()];
    await bootstrap(file('changed', first));
    await bootstrap(file('changed', second));
    await expect(statusOf(first)).rejects.toMatchObject({ code: 'not_found' });
    expect(await statusOf(second)).toBe(ACTIVE);
    expect(await statusOf(second)).not.toBe(KEY_REVOKED);
  });

  test('of one tenant cannot become that of another', async () => {
    const key = makeClientKey();
    await bootstrap(file('mine', key));
    const stolen = JSON.stringify({
      tenants: [{ id: 'theirs', name: 'x', keys: [{ id: 'mine-key', name: 'k', key }] }],
    });
    await expect(bootstrap(stolen)).rejects.toMatchObject({ code: 'already_exists' });
    await expect(tenantOf('theirs')).rejects.toMatchObject({ code: 'not_found' });
  });
});

test.each([
  ['a site twice', 'limits: { sites: [{ site: a, parallel: 1 }, { site: a, parallel: 2 }] }', 'names a site twice'],
  ['a limit of nothing', 'limits: { parallel: 0 }', 'tenants.0.limits.parallel'],
  ['an unknown zone', 'budget: { usd: 1, timeZone: Mars/Olympus }', 'is no time zone'],
  ['a budget of nothing', 'budget: { usd: 0 }', 'must be more than 0'],
  ['what is not known', 'colour: red', 'colour'],
])('a file with %s is refused and says so', async (_, line, words) => {
  const path = join(running.world.directory, 'faulty.yaml');
  await writeFile(path, `tenants:\n  - id: a\n    name: A\n    ${line}\n`);
  expect(() => readBootstrapFile(path)).toThrow(ConfigError);
  expect(() => readBootstrapFile(path)).toThrow(words);
});
