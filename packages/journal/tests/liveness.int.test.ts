import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal } from '../src/index.ts';
import { Child } from './child.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

test('a peer is adopted when it is dead, and not while it lives or is stopped', async () => {
  await using peer = new Child('fill', { dir, epoch: 'peer' });
  await peer.saidLines(20);
  await using journal = await openJournal({ dir, epoch: 'own' });
  expect(journal.adopted).toEqual([]);
  peer.stop();
  expect(await journal.adoptDead()).toEqual([]);
  await peer.kill();
  expect((await journal.adoptDead()).map(({ epoch }) => epoch)).toEqual(['peer']);
  expect(journal.epochsWithUncommitted()).toEqual(['peer']);
  expect(await journal.adoptDead()).toEqual([]);
});

test('of many that start at once, one adopts a dead epoch, and after its death another one', async () => {
  await using dead = new Child('fill', { dir, epoch: 'dead' });
  await dead.saidLines(50);
  await dead.kill();
  const children = Array.from({ length: 5 }, (_, n) => new Child('hold', { dir, epoch: `e${n}` }));
  try {
    const said = await Promise.all(children.map(async (child) => await child.said('adopted')));
    expect(said.filter((line) => line === 'adopted dead')).toHaveLength(1);
    const winner = said.indexOf('adopted dead');
    await children[winner]?.kill();

    await using journal = await openJournal({ dir, epoch: 'late' });
    expect(journal.adopted.map(({ epoch }) => epoch)).toEqual(['dead']);
  } finally {
    await Promise.all(children.map(async (child) => await child.kill()));
  }
});

test('of many that look at the same moment, one adopts a dead epoch, and no other one fails by it', async () => {
  await using dead = new Child('fill', { dir, epoch: 'dead' });
  await dead.saidLines(50);
  await dead.kill();
  const journals = await Promise.all([1, 2, 3, 4, 5].map(async (n) => await openJournal({ dir, epoch: `e${n}` })));
  try {
    expect(journals.flatMap(({ adopted }) => adopted.map(({ epoch }) => epoch))).toEqual(['dead']);
    expect(journals.flatMap(({ unadoptable }) => unadoptable)).toEqual([]);
  } finally {
    await Promise.all(journals.map(async (journal) => await journal[Symbol.asyncDispose]()));
  }
});

test('an end in peace leaves nothing behind, unless something was not committed', async () => {
  await using child = new Child('hold', { dir, epoch: 'idle' });
  await child.said('adopted');
  await child.end();
  expect(readdirSync(dir)).toEqual([]);

  const charged = await openJournal({ dir, epoch: 'charged' });
  charged.opened('r', 0, Buffer.from('opened'));
  charged.done('r', 0, () => Buffer.from('event'));
  charged.committed('charged', 0, 1n);
  await charged[Symbol.asyncDispose]();
  expect(charged.stats().failures).toBe(0);
  expect(readdirSync(dir)).toEqual([]);

  const journal = await openJournal({ dir, epoch: 'busy' });
  journal.opened('r', 0, Buffer.from('opened'));
  journal.done('r', 0, () => Buffer.from('event'));
  await journal[Symbol.asyncDispose]();
  await using next = await openJournal({ dir, epoch: 'next' });
  expect(next.adopted).toEqual([{ epoch: 'busy', uncommitted: 1, lost: [], missing: [] }]);
});

test('a folder whose path is longer than a socket address works as any other', async () => {
  const deep = join(dir, 'd'.repeat(120));
  await using peer = new Child('fill', { dir: deep, epoch: 'peer' });
  await peer.saidLines(20);
  {
    await using journal = await openJournal({ dir: deep, epoch: 'own' });
    expect(journal.adopted).toEqual([]);
    expect(existsSync(join(deep, 'own', 'alive.sock'))).toBe(true);
    await peer.kill();
    expect(await journal.adoptDead()).toHaveLength(1);
  }
  expect(readdirSync(deep)).toEqual(['peer@own']);
});

test('an epoch is not used twice, nor one with a name that is no file name', async () => {
  await using journal = await openJournal({ dir, epoch: 'own' });
  await expect(openJournal({ dir, epoch: journal.epoch })).rejects.toMatchObject({ code: 'epoch_exists' });
  await expect(openJournal({ dir, epoch: '../own' })).rejects.toMatchObject({ code: 'invalid_epoch' });
  expect(readdirSync(dir)).toEqual(['own']);
});

test('a folder that cannot be adopted is named, and hinders nobody', async () => {
  mkdirSync(join(dir, 'alien'));
  mkdirSync(join(dir, 'alien', '0000000001.seg'));
  await using dead = new Child('fill', { dir, epoch: 'dead' });
  await dead.saidLines(20);
  await dead.kill();
  await using journal = await openJournal({ dir, epoch: 'own' });
  expect(journal.adopted.map(({ epoch }) => epoch)).toEqual(['dead']);
  expect(journal.unadoptable).toMatchObject([{ path: join(dir, 'alien@own'), error: { code: 'io' } }]);
  rmSync(join(dir, 'alien@own', '0000000001.seg'), { recursive: true });
  await journal.adoptDead();
  expect(journal.unadoptable).toEqual([]);
});
