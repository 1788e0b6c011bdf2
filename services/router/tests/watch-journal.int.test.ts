import { randomUUIDv7 } from 'node:crypto';
import { mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { openJournal } from '@omg/journal';
import { startTelemetry } from '@omg/telemetry';
import { expect, test } from 'vitest';
import { watchJournal } from '../src/messaging/watch-journal.ts';

const PAYLOAD = Buffer.alloc(1_000, 'x');

test('a journal that the disk has damaged is told of once, and the metrics show how it stands', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'omg-journal-'));
  const epoch = randomUUIDv7();
  {
    await using before = await openJournal({ dir: dir.path, epoch });
    for (const id of ['a', 'b', 'c']) {
      before.opened(id, 0, PAYLOAD);
      before.done(id, 0, () => PAYLOAD);
    }
  }
  const segment = (await readdir(join(dir.path, epoch))).find((name) => /\d/.test(name)) ?? '';
  const file = join(dir.path, epoch, segment);
  const bytes = await readFile(file);
  bytes.fill('?', 1_500, 1_600);
  await writeFile(file, bytes);

  const out = new PassThrough();
  await using telemetry = startTelemetry({
    service: 'router',
    version: '1',
    instance: 'r1',
    logLevel: 'info',
    logDestination: out,
  });
  await using journal = await openJournal({ dir: dir.path, epoch: randomUUIDv7() });
  const tell = watchJournal(journal, telemetry);
  tell();
  tell();
  const log = String(out.read());
  expect(log.match(/a part of a journal is destroyed/g)).toHaveLength(1);
  expect(log).toContain(epoch);
  const metrics = await telemetry.metricsText();
  expect(metrics).toMatch(/^omg_router_journal_damage 1$/m);
  expect(metrics).toMatch(/^omg_router_journal_uncommitted_events 3$/m);
  expect(metrics).toMatch(/^omg_router_journal_bytes [1-9]/m);
});
