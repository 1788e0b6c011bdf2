import { OmgError } from '@omg/errors';
import { describe, expect, test } from 'vitest';
import { UNRESTRICTED } from '../domain/key-terms.ts';
import type { Authentication } from './authenticate.ts';
import { makeOwnAccount, type OwnAccount, type OwnAccountDirectory, type OwnRequest } from './own-account.ts';
import type { Account } from './ports.ts';

const ACCOUNT: Account = { tenantId: 't', tenantName: 'T', clientKeyId: 'k', keyTerms: UNRESTRICTED, quotas: [] };
const LIMITS = { requestsPerMinute: 1, tokensPerMinute: 2, parallel: 3 };

type Question = Parameters<OwnAccountDirectory['ownAccount']>[0];

function accountOf({ clientKeyId, lastRequests }: Question): OwnAccount {
  const request = (at: number): OwnRequest => ({
    requestId: `request-${at}`,
    acceptedAt: new Date(0),
    site: 'site',
    model: 'm',
    stream: false,
    statusCode: 200,
    success: true,
    tokens: { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 },
    usageSource: 'provider',
    costNanoUsd: 0n,
    latencyMs: 1,
    firstTokenMs: undefined,
  });
  return {
    ...ACCOUNT,
    clientKeyId,
    clientKeyName: 'a key',
    expiresAt: undefined,
    keyTerms: undefined,
    creditsNanoUsd: 0n,
    refCreditsNanoUsd: 0n,
    balanceNanoUsd: 0n,
    spentNanoUsd: 0n,
    keyLimits: LIMITS,
    tenantLimits: LIMITS,
    keyBudget: undefined,
    tenantBudget: undefined,
    lastRequests: Array.from({ length: lastRequests }, (_, at) => request(at)),
  };
}

interface World {
  readonly questions: Question[];
  nowMs: number;
  /** Set: the ledger fails. */
  error?: Error;
  readonly ask: (limit?: number, authentication?: Authentication) => Promise<OwnAccount>;
}

function makeWorld(): World {
  let authentication: Authentication = { account: ACCOUNT };
  const ownAccount = makeOwnAccount({
    authenticate: async () => await Promise.resolve(authentication),
    site: () => ({ name: 'site' }),
    clock: { monotonicMs: () => world.nowMs },
    directory: {
      ownAccount: async (question) => {
        world.questions.push(question);
        if (world.error !== undefined) throw world.error;
        return await Promise.resolve(accountOf(question));
      },
    },
  });
  const world: World = {
    questions: [],
    nowMs: 0,
    ask: async (limit = 20, as = { account: ACCOUNT }) => {
      authentication = as;
      return await ownAccount({ headers: {}, address: '127.0.0.1', limit });
    },
  };
  return world;
}

const withTerms = (scopes: readonly string[], sites: readonly string[] = []): Authentication => ({
  account: { ...ACCOUNT, keyTerms: { scopes, allowedModels: [], sites } },
});

describe('a key asks for its account', () => {
  test('and however often it polls, the ledger is asked once a second', async () => {
    const world = makeWorld();
    await Promise.all(Array.from({ length: 50 }, async () => await world.ask()));
    world.nowMs = 999;
    await world.ask();
    expect(world.questions).toEqual([{ clientKeyId: 'k', site: 'site', lastRequests: 20 }]);
    world.nowMs = 1_000;
    await world.ask();
    expect(world.questions).toHaveLength(2);
  });

  test('with as many last requests as it wants, and another number each time is no other question', async () => {
    const world = makeWorld();
    for (let limit = 0; limit <= 100; limit += 1)
      expect((await world.ask(limit)).lastRequests.map(({ requestId }) => requestId)).toEqual(
        Array.from({ length: limit }, (_, at) => `request-${at}`),
      );
    expect(world.questions.map(({ lastRequests }) => lastRequests)).toEqual([20, 100]);
  });

  test('and gets no other key’s', async () => {
    const world = makeWorld();
    await world.ask();
    expect(await world.ask(20, { account: { ...ACCOUNT, clientKeyId: 'other' } })).toMatchObject({
      clientKeyId: 'other',
    });
  });

  test('also one that may do nothing else, but none that may not ask, or not here', async () => {
    const world = makeWorld();
    expect(await world.ask(20, withTerms(['account'], ['site']))).toMatchObject({ clientKeyId: 'k' });
    await expect(world.ask(20, withTerms(['inference', 'models']))).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(world.ask(20, withTerms([], ['elsewhere']))).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(world.ask(20, { account: ACCOUNT, refused: 'tenant_suspended' })).rejects.toMatchObject({
      kind: 'forbidden',
    });
    await expect(world.ask(20, { refused: 'unknown' })).rejects.toMatchObject({ kind: 'invalid_key' });
  });

  test('and where the ledger does not answer is told so, and asks again the next time', async () => {
    const world = makeWorld();
    world.error = new OmgError('deadline_exceeded', 'too late');
    await expect(world.ask()).rejects.toMatchObject({ kind: 'money_unknown', retryAfterMs: 2_000 });
    delete world.error;
    expect(await world.ask()).toMatchObject({ clientKeyId: 'k' });
    expect(world.questions).toHaveLength(2);
  });
});
