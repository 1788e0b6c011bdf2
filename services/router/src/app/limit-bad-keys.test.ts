import { OmgError } from '@omg/errors';
import { beforeEach, expect, test } from 'vitest';
import { UNRESTRICTED } from '../domain/key-terms.ts';
import { Authenticator } from './authenticate.ts';
import { BadKeyLimit } from './bad-key-limit.ts';
import { makeLimitBadKeys, type BadKey } from './limit-bad-keys.ts';
import type { Account, Closed } from './ports.ts';

const ACCOUNT: Account = { tenantId: 't', tenantName: 'T', clientKeyId: 'k', keyTerms: UNRESTRICTED, quotas: [] };
const HERE = '192.0.2.1';

let nowMs: number;
let lookups: number;
let closed: Closed | undefined;
let isAway: boolean;
let seen: BadKey[];
let authenticator: Authenticator;
let authenticate: ReturnType<typeof makeLimitBadKeys>;

beforeEach(() => {
  nowMs = 0;
  lookups = 0;
  closed = undefined;
  isAway = false;
  seen = [];
  const clock = { now: () => new Date(), monotonicMs: () => nowMs };
  let good: Buffer | undefined;
  authenticator = new Authenticator({
    directory: {
      resolve: async (digest) => {
        lookups += 1;
        if (isAway) throw new OmgError('unavailable', 'away');
        // the first key that is ever looked up is the good one
        good ??= digest;
        return await Promise.resolve(good.equals(digest) ? { account: ACCOUNT, closed, ttlMs: 30_000 } : undefined);
      },
    },
    isKey: (text) => text.startsWith('sk-'),
    clock,
    maxCached: 100,
  });
  authenticate = makeLimitBadKeys({
    authenticator,
    limit: new BadKeyLimit({ perMinute: 3, maxAddresses: 10, clock }),
    onBadKey: (what) => seen.push(what),
  });
});

const present = async (key: string | undefined, address = HERE): Promise<string> =>
  await authenticate(key, address).then(
    ({ refused }) => refused ?? 'good',
    (error: unknown) => (error instanceof Error ? error.message : ''),
  );
const LIMITED = 'too many requests with a wrong API key came from this address, please wait';

test('an address that presents wrong keys gets none looked up after a while, and others do', async () => {
  await present('sk-good', 'elsewhere');
  for (const key of ['sk-1', 'sk-2', 'garbage']) expect(await present(key)).toBe('unknown');
  expect(lookups).toBe(3);
  for (const key of ['sk-1', 'sk-3', 'garbage']) expect(await present(key)).toBe(LIMITED);
  expect(lookups).toBe(3);
  expect(await present('sk-3', '192.0.2.2')).toBe('unknown');
  await expect(authenticate('sk-4', HERE)).rejects.toMatchObject({ kind: 'rate_limited', retryAfterMs: 20_000 });
  nowMs = 20_000;
  expect(await present('sk-4')).toBe('unknown');
  expect(seen).toEqual([
    'unknown',
    'unknown',
    'unknown',
    'limited',
    'limited',
    'limited',
    'unknown',
    'limited',
    'unknown',
  ]);
});

test('a key that is known to be good works from there all the same', async () => {
  expect(await present('sk-good')).toBe('good');
  for (const key of ['sk-1', 'sk-2', 'sk-3']) await present(key);
  expect(await present('sk-4')).toBe(LIMITED);
  expect(await present('sk-good')).toBe('good');
  // also where it has to be asked for again, because its time is over or something of its account was changed
  const before = lookups;
  authenticator.forget('t');
  nowMs += 1;
  expect(await present('sk-good')).toBe('good');
  nowMs += 30_000;
  for (const key of ['sk-5', 'sk-6', 'sk-7']) await present(key);
  expect(await present('sk-good')).toBe('good');
  expect(lookups).toBeGreaterThan(before + 1);
});

test('no key at all, a closed one, and a ledger that is away are no wrong key; a revoked one is', async () => {
  for (let time = 0; time < 10; time += 1) expect(await present(undefined)).toBe('unknown');
  closed = 'key_disabled';
  for (let time = 0; time < 10; time += 1) expect(await present('sk-good')).toBe('key_disabled');
  isAway = true;
  for (let time = 0; time < 10; time += 1) expect(await present(`sk-${time}`)).toBe('away');
  expect(new Set(seen)).toEqual(new Set(['missing']));
  isAway = false;
  closed = 'key_revoked';
  nowMs = 60_000;
  for (let time = 0; time < 3; time += 1) expect(await present('sk-good')).toBe('key_revoked');
  expect(await present('sk-good')).toBe(LIMITED);
});
