import { keyBrokerV1, type keyAdminV1 } from '@omg/proto-gen';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectionOf, startAdmin, type AdminWorld } from './admin-fixture.ts';

const { ProxyType } = keyBrokerV1;
const provider = 'ohmygpt';

let world: AdminWorld;
beforeEach(async () => {
  world = await startAdmin();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

async function addProxies(
  proxies: readonly keyAdminV1.NewProxy[],
  dryRun = false,
): Promise<readonly keyAdminV1.LineResult[]> {
  return (await world.client.addProxies({ provider, proxies, actor: 'alice', dryRun })).results;
}

const fieldsAt = (port: number, change: keyAdminV1.ProxyFields = {}): keyAdminV1.ProxyFields => ({
  type: ProxyType.HTTP,
  host: '127.0.0.1',
  port,
  ...change,
});

async function listProxies(ofProvider = provider): Promise<readonly keyAdminV1.ProxyView[]> {
  return (await world.client.listProxies({ provider: ofProvider })).proxies;
}

async function addKey(keyId: string, ofProvider = provider): Promise<void> {
  const keys = [{ keyId, fields: { apiKey: `sk-secret-of-${keyId}` } }];
  const { results } = await world.client.addKeys({ provider: ofProvider, keys, actor: '', dryRun: false });
  expect(results).toMatchObject([{ ok: true }]);
}

async function bind(
  keyId: string,
  proxyId: string,
  change: Partial<keyAdminV1.SetBindingRequest> = {},
): Promise<keyAdminV1.BindingView | undefined> {
  return (await world.client.setBinding({ provider, keyId, proxyId, priority: 0, actor: '', ...change })).binding;
}

async function listBindings(
  change: Partial<keyAdminV1.ListBindingsRequest> = {},
): Promise<readonly keyAdminV1.BindingView[]> {
  return (await world.client.listBindings({ provider, keyId: '', proxyId: '', ...change })).bindings;
}

describe('proxies', () => {
  test('are added line by line, called by what they are where no name is given', async () => {
    const lines = [
      { proxyId: '', fields: fieldsAt(3128, { username: 'u', password: 'hidden-password' }) },
      { proxyId: 'other', fields: fieldsAt(1080, { type: ProxyType.SOCKS5, name: 'The other one', active: false }) },
      { proxyId: 'scheme', fields: fieldsAt(1, { host: 'http://proxy' }) },
      { proxyId: 'nothing', fields: undefined },
      { proxyId: 'other', fields: fieldsAt(1081) },
      { proxyId: 'a b', fields: fieldsAt(1082) },
    ];
    const foretold = await addProxies(lines, true);
    expect(await listProxies()).toEqual([]);
    const results = await addProxies(lines);
    expect(results).toEqual(foretold);
    expect(results.map(({ ok }) => ok)).toEqual([true, true, false, false, false, false]);
    expect(results.map(({ id }) => id)).toEqual(['http-127.0.0.1-3128', 'other', 'scheme', 'nothing', 'other', 'a b']);
    expect(await listProxies()).toMatchObject([
      {
        proxyId: 'http-127.0.0.1-3128',
        name: 'http-127.0.0.1-3128',
        type: ProxyType.HTTP,
        host: '127.0.0.1',
        port: 3128,
        username: 'u',
        hasPassword: true,
        active: true,
        bindings: 0,
        health: [{ provider, standing: 'unproven', checksOk: 0, checksFailed: 0 }],
      },
      { proxyId: 'other', name: 'The other one', type: ProxyType.SOCKS5, hasPassword: false, active: false },
    ]);
  });

  test('are edited field by field, and a password goes when it is emptied', async () => {
    await addProxies([{ proxyId: 'p', fields: fieldsAt(3128, { username: 'u', password: 'hidden-password' }) }]);
    const edit = async (fields: keyAdminV1.ProxyFields): Promise<keyAdminV1.ProxyView | undefined> =>
      (await world.client.editProxy({ provider, proxyId: 'p', fields, actor: 'alice' })).proxy;
    expect(await edit({ host: 'proxy.example' })).toMatchObject({ host: 'proxy.example', port: 3128, username: 'u' });
    expect(await edit({ active: false })).toMatchObject({ active: false, hasPassword: true });
    await expect(edit({ username: '' })).rejects.toThrow(/password without a user name/);
    expect(await edit({ username: '', password: '' })).toMatchObject({ username: '', hasPassword: false });
    await expect(edit({ port: 0 })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(edit({})).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(
      world.client.editProxy({ provider, proxyId: 'nobody', fields: { port: 1 }, actor: '' }),
    ).rejects.toMatchObject({ code: 'not_found' });
    expect(await collectionOf(world, 'proxies').findOne({ _id: 'p' })).toMatchObject({ updatedBy: 'operator/alice' });
  });

  test('are deleted with the bindings of every provider', async () => {
    await addProxies([{ proxyId: 'p', fields: fieldsAt(1) }]);
    await addKey('a');
    await addKey('b', 'openhands');
    await world.client.reload({ provider: 'openhands' });
    await bind('a', 'p');
    await bind('b', 'p', { provider: 'openhands' });
    const deleted = await world.client.deleteProxies({ provider, proxyIds: ['p', 'nobody'], actor: '' });
    expect(deleted).toMatchObject({ results: [{ ok: true }, { ok: false }], bindingsDeleted: 2 });
    expect(await listProxies()).toEqual([]);
    await world.client.reload({ provider: 'openhands' });
    expect(await listProxies('openhands')).toEqual([]);
    expect(await listBindings({ provider: 'openhands' })).toEqual([]);
  });

  test('are checked through the proxy that is asked for', async () => {
    await addProxies([{ proxyId: 'p', fields: fieldsAt(1) }]);
    expect(await world.client.checkProxy({ provider, proxyId: 'p' })).toEqual({ ok: true, message: '', latencyMs: 13 });
    expect(world.upstream.checks).toMatchObject([{ id: 'p', port: 1 }]);
    await expect(world.client.checkProxy({ provider, proxyId: 'q' })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('bindings', () => {
  beforeEach(async () => {
    await addProxies([
      { proxyId: 'p', fields: fieldsAt(1) },
      { proxyId: 'q', fields: fieldsAt(2) },
    ]);
    await addKey('a');
    await addKey('b');
  });

  test('are made, changed and taken away, and the key goes their way', async () => {
    expect(await bind('a', 'p')).toMatchObject({
      keyId: 'a',
      proxyId: 'p',
      priority: 1,
      active: true,
      orphaned: false,
    });
    expect(await bind('a', 'p', { priority: 5 })).toMatchObject({ priority: 5, active: true });
    expect(await bind('a', 'p', { active: false })).toMatchObject({ priority: 5, active: false });
    await bind('a', 'p', { active: true });
    await bind('a', 'q', { priority: 2 });
    await bind('b', 'q');
    expect((await listBindings()).map(({ keyId, proxyId }) => keyId + proxyId)).toEqual(['aq', 'ap', 'bq']);
    expect(await listBindings({ keyId: 'a', proxyId: 'p' })).toHaveLength(1);
    const { key } = await world.client.getKey({ provider, keyId: 'a' });
    expect(key).toMatchObject({ route: 'q', bindings: [{ proxyId: 'q' }, { proxyId: 'p' }] });
    await world.client.testKey({ provider, keyId: 'a', model: 'm' });
    expect(world.upstream.trials.at(-1)?.proxy).toMatchObject({ id: 'q', port: 2 });
    expect((await listProxies()).map(({ bindings }) => bindings)).toEqual([1, 2]);

    const unbind = { provider, keyId: 'a', proxyId: 'q', actor: '' };
    await world.client.deleteBinding(unbind);
    await expect(world.client.deleteBinding(unbind)).rejects.toMatchObject({ code: 'not_found' });
    expect((await world.client.getKey({ provider, keyId: 'a' })).key).toMatchObject({ route: 'p' });
  });

  test('to what does not exist, or of a priority above 10, are refused', async () => {
    await expect(bind('nobody', 'p')).rejects.toThrow(/no key "nobody"/);
    await expect(bind('a', 'nobody')).rejects.toThrow(/no proxy "nobody"/);
    await expect(bind('a', 'p', { priority: 11 })).rejects.toThrow(/1 to 10/);
    expect(await listBindings()).toEqual([]);
  });

  test('that lost their key or their proxy are shown as orphans, and repaired or deleted', async () => {
    await bind('a', 'p');
    const moments = { createdAt: new Date(), updatedAt: new Date() };
    await collectionOf(world, 'ohmygpt_bindings').insertMany([
      { _id: '1', proxyId: 'p', ohmygptKeyId: 'gone', priority: 1, isActive: true, ...moments },
      { _id: '2', proxyId: 'q', ohmygptKeyId: 'old', priority: 1, isActive: true, ...moments },
      { _id: '3', proxyId: 'none', ohmygptKeyId: 'b', priority: 1, isActive: true, ...moments },
    ]);
    await collectionOf(world, 'ohmygpt_keys').updateOne({ _id: 'b' }, { $set: { replacedKey: 'old' } });
    await world.client.reload({ provider });
    expect((await listBindings()).map(({ keyId, orphaned }) => [keyId, orphaned])).toEqual([
      ['a', false],
      ['b', true],
      ['gone', true],
      ['old', true],
    ]);
    const { key } = await world.client.getKey({ provider, keyId: 'b' });
    expect(key?.bindings).toMatchObject([{ proxyId: 'none', orphaned: true }]);
    const repair = { provider, actor: 'alice' };
    expect(await world.client.repairBindings(repair)).toEqual({ checked: 4, repaired: 1, deleted: 2 });
    expect((await listBindings()).map(({ keyId, proxyId, orphaned }) => [keyId, proxyId, orphaned])).toEqual([
      ['a', 'p', false],
      ['b', 'q', false],
    ]);
    expect(await world.client.repairBindings(repair)).toEqual({ checked: 2, repaired: 0, deleted: 0 });
  });
});
