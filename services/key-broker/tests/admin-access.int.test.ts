import { OmgError } from '@omg/errors';
import { keyAdminV1, keyBrokerV1 } from '@omg/proto-gen';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startAdmin, TOKENS, type AdminClient, type AdminWorld } from './admin-fixture.ts';

let world: AdminWorld;
beforeEach(async () => {
  world = await startAdmin();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const provider = 'ohmygpt';
const actor = 'alice';
const CANARIES = {
  key: 'sk-canary-of-the-key-0123456789',
  edited: 'sk-canary-of-the-edited-key-0123456789',
  backup: 'sk-canary-of-the-backup-key-0123456789',
  editedBackup: 'sk-canary-of-the-edited-backup-0123456789',
  password: 'canary-of-the-password',
  editedPassword: 'canary-of-the-edited-password',
  refused: 'sk-canary of what is refused',
};

type Rpc = keyof keyAdminV1.KeyAdminService;
type Requests = { readonly [K in Rpc]: Parameters<AdminClient[K]>[0] };

/** One call of each rpc, in an order in which all of them go well. */
const REQUESTS: Requests = {
  addKeys: {
    provider,
    keys: [
      { keyId: 'a', fields: { apiKey: CANARIES.key } },
      { keyId: 'x', fields: { apiKey: CANARIES.refused } },
      { keyId: 'again', fields: { apiKey: CANARIES.key } },
    ],
    actor,
    dryRun: false,
  },
  editKey: { provider, keyId: 'a', fields: { apiKey: CANARIES.edited }, actor },
  getKey: { provider, keyId: 'a' },
  listKeys: { provider, statuses: [], search: '', pageSize: 0, pageToken: '' },
  testKey: { provider, keyId: 'a', model: 'm' },
  addBackupKeys: { provider, backupKeys: [{ keyId: 'b', apiKey: CANARIES.backup }], actor, dryRun: false },
  editBackupKey: { provider, keyId: 'b', apiKey: CANARIES.editedBackup, actor },
  listBackupKeys: { provider, unused: false },
  operateKey: { provider, keyId: 'a', operation: keyAdminV1.KeyOperation.ROTATE, actor },
  restoreKey: { provider, backupKeyId: 'b', actor },
  addProxies: {
    provider,
    proxies: [
      {
        proxyId: 'p',
        fields: {
          type: keyBrokerV1.ProxyType.HTTP,
          host: '127.0.0.1',
          port: 9,
          username: 'u',
          password: CANARIES.password,
        },
      },
    ],
    actor,
    dryRun: false,
  },
  editProxy: { provider, proxyId: 'p', fields: { password: CANARIES.editedPassword }, actor },
  listProxies: { provider },
  checkProxy: { provider, proxyId: 'p' },
  setBinding: { provider, keyId: 'a', proxyId: 'p', priority: 0, actor },
  listBindings: { provider, keyId: '', proxyId: '' },
  repairBindings: { provider, actor },
  reload: { provider },
  deleteBinding: { provider, keyId: 'a', proxyId: 'p', actor },
  deleteProxies: { provider, proxyIds: ['p'], actor },
  deleteBackupKeys: { provider, keyIds: ['b'], actor },
  deleteKeys: { provider, keyIds: ['a'], actor },
  listHistory: { provider, keyId: '', pageSize: 0, pageToken: '' },
};

// the names come from the table itself
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const RPCS = Object.keys(REQUESTS) as readonly Rpc[];

async function call(client: AdminClient, rpc: Rpc): Promise<unknown> {
  // which request belongs to which rpc is what the type of the table says
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return await (client[rpc] as (request: unknown) => Promise<unknown>)(REQUESTS[rpc]);
}

async function everythingStored({ db }: AdminWorld): Promise<string> {
  const names = ['ohmygpt_keys', 'ohmygpt_backup_keys', 'ohmygpt_bindings', 'proxies', 'key_history'];
  const documents = await Promise.all(names.map(async (name) => await db.collection(name).find().toArray()));
  return toText(documents);
}

const toText = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));

/** The part of a secret that nobody may see, wherever it stands. */
const heartOf = (secret: string): string => secret.slice(8, -4);

test('these are all calls that there are', () => {
  expect(new Set<string>(RPCS)).toEqual(new Set(Object.keys(keyAdminV1.KeyAdminService)));
});

describe('every call', () => {
  test.each([
    ['the token of a service that may only lease', TOKENS.router, 'permission_denied', /SERVICE_GRANTS/],
    ['no token', '', 'unauthenticated', /service token/],
    ['a token that nobody has', 'not-a-token-of-anybody', 'unauthenticated', /service token/],
  ])('with %s is refused, and changes nothing', async (_, token, code, words) => {
    await call(world.client, 'addKeys');
    await call(world.client, 'addBackupKeys');
    await call(world.client, 'addProxies');
    await call(world.client, 'setBinding');
    const before = await everythingStored(world);
    expect(before).toContain('"p"');
    const client = world.clientOf(token);
    const refusals: Record<string, string> = {};
    for (const rpc of RPCS) {
      refusals[rpc] = await call(client, rpc).then(
        () => 'it was answered',
        (error: unknown) => (error instanceof OmgError && words.test(error.message) ? error.code : String(error)),
      );
    }
    expect(refusals).toEqual(Object.fromEntries(RPCS.map((rpc) => [rpc, code])));
    expect(await everythingStored(world)).toBe(before);
    expect(world.upstream.trials).toEqual([]);
    expect(world.upstream.checks).toEqual([]);
  });

  test('takes secrets and gives none back, neither in its answer nor in its refusal', async () => {
    world.upstream.answer = ({ secret }) => ({
      ok: false,
      status: 401,
      cause: 'auth',
      message: `invalid key ${secret}`,
      latencyMs: 1,
    });
    const said: string[] = [];
    for (const rpc of RPCS) {
      said.push(`${rpc}: ${toText(await call(world.client, rpc))}`);
    }
    // by now most of what they name is gone, so that they are refused
    for (const rpc of RPCS) {
      const answer = await call(world.client, rpc).catch((error: unknown) => error);
      said.push(
        `${rpc}: ${answer instanceof OmgError ? `${answer.message} ${toText(answer.details)}` : toText(answer)}`,
      );
    }
    // they were taken: what is shown of them is there
    expect(said.join('\n')).toContain('sk-canar…6789');
    const told = Object.values(CANARIES).flatMap((secret) => said.filter((line) => line.includes(heartOf(secret))));
    expect(told).toEqual([]);
    const stored = await everythingStored(world);
    for (const secret of Object.values(CANARIES)) expect(stored).not.toContain(heartOf(secret));
  });
});
