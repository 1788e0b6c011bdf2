import { keyAdminV1, keyBrokerV1 } from '@omg/proto-gen';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectionOf, startAdmin, USED_BACKUP_TTL_MS, type AdminWorld, type AnyDocument } from './admin-fixture.ts';

const { KeyOperation } = keyAdminV1;

let world: AdminWorld;
beforeEach(async () => {
  world = await startAdmin();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const provider = 'ohmygpt';
const secretOf = (name: string): string => `sk-secret-${name}-0123456789abcdef`;

/** As somebody inserts it who goes by what the documents looked like before this system. */
const oldKey = (name: string, change: Readonly<Record<string, unknown>> = {}): AnyDocument => ({
  _id: name,
  apiKey: secretOf(name),
  status: 'healthy',
  tokensUsed: 12_345,
  requestsCount: 67,
  createdAt: new Date('2025-01-01'),
  isEnabled: true,
  ...change,
});

type Fields = Omit<keyAdminV1.KeyFields, 'apiKey'>;

async function addKeys(names: readonly string[], fields: Fields = {}): Promise<readonly keyAdminV1.LineResult[]> {
  const keys = names.map((keyId) => ({ keyId, fields: { apiKey: secretOf(keyId), ...fields } }));
  const { results } = await world.client.addKeys({ provider, keys, actor: 'alice', dryRun: false });
  return results;
}

async function addBackups(...names: readonly string[]): Promise<void> {
  const backupKeys = names.map((keyId) => ({ keyId, apiKey: secretOf(keyId) }));
  const { results } = await world.client.addBackupKeys({ provider, backupKeys, actor: '', dryRun: false });
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
}

async function getKey(keyId: string): Promise<keyAdminV1.KeyView | undefined> {
  return (await world.client.getKey({ provider, keyId })).key;
}

async function operate(
  keyId: string,
  operation: keyAdminV1.KeyOperation,
  actor = 'alice',
): Promise<keyAdminV1.KeyView | undefined> {
  return (await world.client.operateKey({ provider, keyId, operation, actor })).key;
}

async function listKeys(
  change: Partial<keyAdminV1.ListKeysRequest> = {},
): Promise<{ readonly names: readonly string[]; readonly total: number; readonly nextPageToken: string }> {
  const request = { provider, statuses: [], search: '', pageSize: 0, pageToken: '', ...change };
  const { keys, total, nextPageToken } = await world.client.listKeys(request);
  return { names: keys.map(({ keyId }) => keyId), total, nextPageToken };
}

async function historyOf(keyId: string): Promise<readonly keyAdminV1.HistoryView[]> {
  return (await world.client.listHistory({ provider, keyId, pageSize: 0, pageToken: '' })).entries;
}

describe('keys that are added', () => {
  test('are in the pool at once, with their terms, and shown by their two ends only', async () => {
    const before = Date.now();
    expect(
      await addKeys(['a'], {
        slots: 3,
        requestsPerMinute: 60,
        tokensPerMinute: 9_000_000_000n,
        enableFailover: true,
        allowedModels: { models: ['m1', 'm2'] },
      }),
    ).toEqual([{ id: 'a', ok: true, reason: '' }]);
    const key = await getKey('a');
    expect(key).toMatchObject({
      keyId: 'a',
      maskedKey: 'sk-secre…cdef',
      status: 'healthy',
      enabled: true,
      paused: false,
      available: true,
      blockedBy: '',
      endpoint: 'primary',
      slots: 3,
      slotsInUse: 0,
      requestsPerMinute: 60,
      tokensPerMinute: 9_000_000_000n,
      allowedModels: ['m1', 'm2'],
      enableFailover: true,
      route: 'direct',
      bindings: [],
    });
    expect(key?.createdAt?.getTime()).toBeGreaterThanOrEqual(before - 1);
  });

  test('are reported line by line: the good ones are in, and each other one says why it is not', async () => {
    await addKeys(['there']);
    await addBackups('spare');
    const line = (keyId: string, apiKey?: string, fields: Fields = {}): keyAdminV1.NewKey => ({
      keyId,
      fields: { apiKey, ...fields },
    });
    const keys: readonly (readonly [keyAdminV1.NewKey, string])[] = [
      [line('new', secretOf('new')), ''],
      [line('there', secretOf('other')), 'there is a key with this name'],
      [line('copy', secretOf('there')), 'the key there is the same'],
      [line('spare', secretOf('another')), 'there is a backup key with this name'],
      [line('copy-of-spare', secretOf('spare')), 'the backup key spare is the same'],
      [line('twin', secretOf('new')), 'it has the same key as new'],
      [line('new', secretOf('newer')), 'the name comes twice'],
      [line('no spaces', secretOf('x')), 'its name must be 1 to 128 of: letters, digits, and . _ : -'],
      [line('', secretOf('x')), 'it has no name'],
      [line('none'), 'it has no api_key'],
      [
        line('blank', 'with a blank'),
        'its api_key does not look like one of ohmygpt: check for spaces and for parts that are missing',
      ],
      [line('model', secretOf('y'), { allowedModels: { models: ['a b'] } }), '"a b" is not the name of a model'],
      [
        line('much', secretOf('z'), { tokensPerMinute: 2n ** 60n }),
        'tokensPerMinute must be a whole number, 0 for the default',
      ],
      [line('last', secretOf('last')), ''],
    ];
    const request = { provider, keys: keys.map(([key]) => key), actor: '' };
    const foretold = await world.client.addKeys({ ...request, dryRun: true });
    expect((await listKeys()).names).toEqual(['there']);
    const { results } = await world.client.addKeys({ ...request, dryRun: false });
    expect(results).toEqual(keys.map(([{ keyId: id }, reason]) => ({ id, ok: reason === '', reason })));
    expect(foretold.results).toEqual(results);
    expect((await listKeys()).names).toEqual(['last', 'new', 'there']);
  });

  test('are at most 1,000 in a call', async () => {
    const names = Array.from({ length: 1_001 }, (_, at) => `k${at}`);
    await expect(addKeys(names)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await listKeys()).toMatchObject({ total: 0 });
    const results = await addKeys(names.slice(0, 1_000));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1_000);
    expect(await listKeys()).toMatchObject({ total: 1_000 });
  });
});

describe('the list of keys', () => {
  test('comes in pages in the order of names, each key once', async () => {
    await addKeys(['c', 'a', 'e', 'B', 'd']);
    const first = await listKeys({ pageSize: 2 });
    expect(first).toMatchObject({ names: ['B', 'a'], total: 5 });
    const second = await listKeys({ pageSize: 2, pageToken: first.nextPageToken });
    expect(second.names).toEqual(['c', 'd']);
    const third = await listKeys({ pageSize: 2, pageToken: second.nextPageToken });
    expect(third).toEqual({ names: ['e'], total: 5, nextPageToken: '' });
    await expect(listKeys({ pageToken: 'made-up' })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('can be asked for by a part of the name, by status, and by switch', async () => {
    await collectionOf(world, 'ohmygpt_keys').insertMany([
      oldKey('old-1', { status: 'exhausted', cooldownUntil: new Date(Date.now() + 60_000), lastError: 'no money' }),
      oldKey('old-2'),
    ]);
    await world.client.reload({ provider });
    await addKeys(['new-1', 'new-2']);
    await operate('new-1', KeyOperation.DISABLE);
    await operate('new-2', KeyOperation.PAUSE);
    expect((await listKeys({ search: 'OLD' })).names).toEqual(['old-1', 'old-2']);
    expect((await listKeys({ statuses: ['exhausted'] })).names).toEqual(['old-1']);
    expect((await listKeys({ statuses: ['disabled', 'paused'] })).names).toEqual(['new-1', 'new-2']);
    expect((await listKeys({ statuses: ['healthy'], search: 'old' })).names).toEqual(['old-2']);
    await expect(listKeys({ statuses: ['sick'] })).rejects.toThrow(/"sick".*healthy/);
    expect(await getKey('old-1')).toMatchObject({
      available: false,
      blockedBy: 'exhausted',
      lastError: 'no money',
      tokensUsed: 12_345n,
      requestsCount: 67n,
    });
    expect((await getKey('old-1'))?.blockedUntil?.getTime()).toBeGreaterThan(Date.now());
  });

  test('of a provider that does not exist is refused with the names of those that do', async () => {
    await expect(listKeys({ provider: 'nobody' })).rejects.toThrow(/ohmygpt, openhands/);
  });
});

describe('a key that is edited', () => {
  test('keeps what was not named, and what is emptied goes back to its default', async () => {
    await addKeys(['a'], { slots: 3, requestsPerMinute: 60, allowedModels: { models: ['m1'] } });
    const before = await getKey('a');
    const edit = async (fields: keyAdminV1.KeyFields): Promise<keyAdminV1.KeyView | undefined> =>
      (await world.client.editKey({ provider, keyId: 'a', fields, actor: 'bob' })).key;
    expect(await edit({ slots: 7 })).toMatchObject({ slots: 7, requestsPerMinute: 60, allowedModels: ['m1'] });
    const emptied = await edit({ slots: 0, requestsPerMinute: 0, allowedModels: { models: [] } });
    expect(emptied).toMatchObject({ slots: 50, requestsPerMinute: undefined, allowedModels: [] });
    expect(emptied?.generation).toBeGreaterThan(before?.generation ?? 0n);
    expect(await historyOf('a')).toEqual(
      expect.arrayContaining([expect.objectContaining({ cause: 'edit', actor: 'operator/bob' })]),
    );
    await expect(edit({})).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(edit({ apiKey: '' })).rejects.toThrow(/api_key/);
  });

  test('with another secret begins anew: a higher generation, and no errors', async () => {
    await collectionOf(world, 'ohmygpt_keys').insertOne(
      oldKey('a', { status: 'exhausted', cooldownUntil: new Date(Date.now() + 60_000), lastError: 'no money' }),
    );
    await addKeys(['b']);
    const before = await getKey('a');
    expect(before?.status).toBe('exhausted');
    const edit = { provider, keyId: 'a', actor: '' };
    const { key } = await world.client.editKey({ ...edit, fields: { apiKey: secretOf('fresh') } });
    expect(key).toMatchObject({ maskedKey: 'sk-secre…cdef', status: 'healthy', available: true, lastError: '' });
    expect(key?.generation).toBeGreaterThan(before?.generation ?? 0n);
    await expect(world.client.editKey({ ...edit, fields: { apiKey: secretOf('b') } })).rejects.toMatchObject({
      code: 'already_exists',
    });
  });

  test('and does not exist is not found', async () => {
    await expect(
      world.client.editKey({ provider, keyId: 'nobody', fields: { slots: 1 }, actor: '' }),
    ).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('an operation', () => {
  test('switches, pauses and resets a key, and each is written down with who did it', async () => {
    await addKeys(['a']);
    expect(await operate('a', KeyOperation.DISABLE)).toMatchObject({ enabled: false, available: false });
    expect(await operate('a', KeyOperation.ENABLE, '')).toMatchObject({ enabled: true, available: true });
    expect(await operate('a', KeyOperation.PAUSE)).toMatchObject({ paused: true, blockedBy: 'paused' });
    expect(await operate('a', KeyOperation.ENABLE)).toMatchObject({ paused: false });
    expect(await operate('a', KeyOperation.DISABLE_NOW)).toMatchObject({ enabled: false });
    expect(await operate('a', KeyOperation.RESET)).toMatchObject({ status: 'healthy', enabled: false });
    const document = await collectionOf(world, 'ohmygpt_keys').findOne({ _id: 'a' });
    expect(document).toMatchObject({ isEnabled: false });
    expect((await historyOf('a')).map(({ cause, actor }) => [cause, actor]).toReversed()).toEqual([
      ['add', 'operator/alice'],
      ['disable', 'operator/alice'],
      ['enable', 'operator'],
      ['pause', 'operator/alice'],
      ['enable', 'operator/alice'],
      ['disable', 'operator/alice'],
      ['reset', 'operator/alice'],
    ]);
  });

  test('that is not named, of a key that does not exist, or by an actor that would break a terminal, is refused', async () => {
    await addKeys(['a']);
    await expect(operate('a', KeyOperation.UNSPECIFIED)).rejects.toThrow(/rotate/);
    await expect(operate('b', KeyOperation.DISABLE)).rejects.toMatchObject({ code: 'not_found' });
    await expect(operate('a', KeyOperation.DISABLE, 'a\u001b[2J')).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await getKey('a')).toMatchObject({ enabled: true });
  });

  test('rotates: the backup key takes the place, and can be taken back', async () => {
    await addKeys(['a'], { slots: 3 });
    await expect(operate('a', KeyOperation.ROTATE)).rejects.toMatchObject({ code: 'failed_precondition' });
    await addBackups('b');
    expect(await operate('a', KeyOperation.ROTATE)).toMatchObject({ keyId: 'b', replacedKey: 'a', slots: 3 });
    expect((await listKeys()).names).toEqual(['b']);
    const { backupKeys } = await world.client.listBackupKeys({ provider, unused: false });
    expect(backupKeys).toMatchObject([{ keyId: 'b', used: true, activated: true, usedFor: 'a' }]);
    const [backup] = backupKeys;
    expect((backup?.deletedAt?.getTime() ?? 0) - (backup?.usedAt?.getTime() ?? 0)).toBe(USED_BACKUP_TTL_MS);
    expect((await world.client.listBackupKeys({ provider, unused: true })).backupKeys).toEqual([]);

    const { key } = await world.client.restoreKey({ provider, backupKeyId: 'b', actor: 'alice' });
    expect(key).toMatchObject({ keyId: 'a', slots: 3, available: true });
    expect((await listKeys()).names).toEqual(['a']);
    expect((await world.client.listBackupKeys({ provider, unused: true })).backupKeys).toMatchObject([{ keyId: 'b' }]);
    const restore = async (backupKeyId: string): Promise<unknown> =>
      await world.client.restoreKey({ provider, backupKeyId, actor: '' });
    await expect(restore('b')).rejects.toThrow(/nothing to take back/);
    await expect(restore('nobody')).rejects.toMatchObject({ code: 'not_found' });
    const causes = await world.client.listHistory({ provider, keyId: '', pageSize: 0, pageToken: '' });
    expect(causes.entries).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ cause: 'rotate', actor: 'operator/alice' }),
        expect.objectContaining({ cause: 'restore', actor: 'operator/alice' }),
      ]),
    );
  });
});

describe('keys that are deleted', () => {
  test('are gone with their bindings, and those that were not there are named', async () => {
    await addKeys(['a', 'b']);
    await world.client.addProxies({
      provider,
      proxies: [{ proxyId: 'p', fields: { type: keyBrokerV1.ProxyType.HTTP, host: '127.0.0.1', port: 9 } }],
      actor: '',
      dryRun: false,
    });
    await world.client.setBinding({ provider, keyId: 'a', proxyId: 'p', priority: 0, actor: '' });
    const { results, bindingsDeleted } = await world.client.deleteKeys({
      provider,
      keyIds: ['a', 'nobody'],
      actor: '',
    });
    expect(results).toMatchObject([
      { id: 'a', ok: true },
      { id: 'nobody', ok: false, reason: 'there is no such key' },
    ]);
    expect(bindingsDeleted).toBe(1);
    expect((await listKeys()).names).toEqual(['b']);
    expect((await world.client.listBindings({ provider, keyId: '', proxyId: '' })).bindings).toEqual([]);
  });
});

describe('backup keys', () => {
  test('are added line by line, edited while unused, and deleted', async () => {
    await addKeys(['a']);
    const backupKeys = [
      { keyId: 'b', apiKey: secretOf('b'), enableFailover: true },
      { keyId: 'c', apiKey: secretOf('a') },
      { keyId: 'd', apiKey: '' },
    ];
    const { results } = await world.client.addBackupKeys({ provider, backupKeys, actor: '', dryRun: false });
    expect(results.map(({ ok }) => ok)).toEqual([true, false, false]);
    const list = async (): Promise<readonly keyAdminV1.BackupKeyView[]> =>
      (await world.client.listBackupKeys({ provider, unused: false })).backupKeys;
    expect(await list()).toMatchObject([{ keyId: 'b', used: false, enableFailover: true, deletedAt: undefined }]);

    const edit = async (keyId: string, change: Partial<keyAdminV1.EditBackupKeyRequest>) =>
      (await world.client.editBackupKey({ provider, keyId, actor: '', ...change })).backupKey;
    expect(await edit('b', { enableFailover: false, apiKey: `fresh-${secretOf('b')}` })).toMatchObject({
      enableFailover: false,
      maskedKey: 'fresh-sk…cdef',
    });
    await expect(edit('b', {})).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(edit('nobody', { enableFailover: true })).rejects.toMatchObject({ code: 'not_found' });
    await operate('a', KeyOperation.ROTATE);
    await expect(edit('b', { enableFailover: true })).rejects.toMatchObject({ code: 'failed_precondition' });

    const gone = await world.client.deleteBackupKeys({ provider, keyIds: ['b', 'nobody'], actor: '' });
    expect(gone.results.map(({ ok }) => ok)).toEqual([true, false]);
    expect(await list()).toEqual([]);
    await expect(world.client.restoreKey({ provider, backupKeyId: 'b', actor: '' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

describe('the history', () => {
  test('comes in pages, the newest first, of one key or of all', async () => {
    await addKeys(['a', 'b']);
    for (const operation of [KeyOperation.DISABLE, KeyOperation.ENABLE, KeyOperation.PAUSE])
      await operate('a', operation);
    const page = async (pageToken: string) =>
      await world.client.listHistory({ provider, keyId: 'a', pageSize: 3, pageToken });
    const first = await page('');
    expect(first.entries.map(({ cause }) => cause)).toEqual(['pause', 'enable', 'disable']);
    const second = await page(first.nextPageToken);
    expect(second).toMatchObject({ entries: [{ cause: 'add', keyId: 'a' }], nextPageToken: '' });
    await expect(page('made-up')).rejects.toMatchObject({ code: 'invalid_argument' });
    const all = await world.client.listHistory({ provider, keyId: '', pageSize: 0, pageToken: '' });
    expect(new Set(all.entries.map(({ keyId }) => keyId))).toEqual(new Set(['a', 'b']));
  });
});

describe('a live test of a key', () => {
  test('goes the way that its next lease would go, and tells what the answer means', async () => {
    await addKeys(['a']);
    const run = async (): Promise<keyAdminV1.TestKeyResponse> =>
      await world.client.testKey({ provider, keyId: 'a', model: 'm1' });
    expect(await run()).toEqual({
      ok: true,
      status: 200,
      cause: keyBrokerV1.OutcomeCause.SUCCESS,
      message: '',
      latencyMs: 35,
      route: 'direct',
      endpoint: 'primary',
    });
    expect(world.upstream.trials).toMatchObject([
      { endpoint: 'primary', secret: secretOf('a'), model: 'm1', proxy: undefined },
    ]);
    world.upstream.answer = ({ secret }) => ({
      ok: false,
      status: 401,
      cause: 'auth',
      message: `Incorrect API key provided: ${secret}`,
      latencyMs: 1,
    });
    expect(await run()).toMatchObject({
      ok: false,
      status: 401,
      cause: keyBrokerV1.OutcomeCause.AUTH,
      message: 'Incorrect API key provided: ***',
    });
    expect(await getKey('a')).toMatchObject({ status: 'healthy', available: true });
    await expect(world.client.testKey({ provider, keyId: 'a', model: '' })).rejects.toThrow(/model/);
  });
});

describe('a reload', () => {
  test('takes what was changed directly in the database, and counts it', async () => {
    await collectionOf(world, 'ohmygpt_keys').insertMany([oldKey('a'), oldKey('b')]);
    await collectionOf(world, 'ohmygpt_backup_keys').insertOne({ _id: 'c', apiKey: secretOf('c'), isUsed: false });
    expect(await world.client.reload({ provider })).toEqual({ keys: 2, backupKeys: 1, proxies: 0, bindings: 0 });
    expect((await listKeys()).names).toEqual(['a', 'b']);
  });
});
