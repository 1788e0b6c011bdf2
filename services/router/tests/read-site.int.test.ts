import { readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { followSite, readSite, type FollowedSite } from '../src/read-site.ts';

const SHIPPED = new URL('../../../deploy/config/ohmygpt.dev.json', import.meta.url);

let folder: string;
let path: string;
const shipped = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(SHIPPED, 'utf8')));
let followed: FollowedSite;
let taken: number;
let refused: unknown[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'omg-site-'));
  path = join(folder, 'site.json');
  await state({});
  taken = 0;
  refused = [];
  followed = followSite({
    path,
    first: readSite(path),
    everyMs: 10,
    onTaken: () => {
      taken += 1;
    },
    onRefused: (error) => refused.push(error),
  });
});
afterEach(async () => {
  await followed[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** As mounted configuration is changed: another file in the place of this one. */
async function state(change: object): Promise<void> {
  const next = join(folder, 'next.json');
  await writeFile(next, JSON.stringify({ ...shipped, ...change }));
  await rename(next, path);
}

test('a change counts without a start, as a whole', async () => {
  await state({ deadlines: { idleMs: 1_234 }, retry: { attempts: 2 }, userAgent: 'omg/1', cors: { origins: ['*'] } });
  await expect.poll(() => taken).toBe(1);
  expect(followed.current()).toMatchObject({
    deadlines: { idleMs: 1_234, connectMs: 5_000 },
    retry: { attempts: 2, attemptsPerRoute: 3 },
    userAgent: 'omg/1',
    corsOrigins: ['*'],
  });
  await state({});
  await expect.poll(() => taken).toBe(2);
  expect(followed.current()).toMatchObject({ userAgent: undefined, retry: { attempts: 6 } });
  expect(refused).toEqual([]);
});

test.each([
  ['is no JSON', '{"site": ', /neither YAML nor JSON/],
  ['has a member that nobody knows', '{"sight": "ohmygpt"}', /sight/],
])('a file that %s is refused once, with its reason, and the old one stays', async (_, text, reason) => {
  const before = followed.current();
  await writeFile(path, text);
  await expect.poll(() => refused.length).toBe(1);
  expect(String(refused[0])).toMatch(reason);
  expect(followed.current()).toBe(before);
  await state({ maxBodyBytes: 1_000 });
  await expect.poll(() => followed.current().maxBodyBytes).toBe(1_000);
  expect(refused).toHaveLength(1);
});

test('what a process cannot become while it runs is refused', async () => {
  await state({ site: 'other', provider: 'other', port: 1, maxBodyBytes: 1 });
  await expect.poll(() => refused.length).toBe(1);
  expect(refused[0]).toMatchObject({
    faults: ['site', 'provider', 'port'].map((member) => `${path}: another ${member} needs another start`),
  });
  expect(followed.current()).toMatchObject({ name: 'ohmygpt', port: 8005, maxBodyBytes: 33_554_432 });
});

test('a file that is gone and comes again is taken as it then is', async () => {
  await rm(path);
  await expect.poll(() => refused.length).toBe(1);
  expect(followed.current().name).toBe('ohmygpt');
  await state({ maxOpenStreams: 7 });
  await expect.poll(() => followed.current().maxOpenStreams).toBe(7);
});
