import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SegmentFolder } from '../src/segment-files.ts';

test('what is written after a part was removed follows what was left, and can be synced', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'journal-'));
  try {
    const files = new SegmentFolder(folder);
    files.create(1);
    files.append(Buffer.from('whole half'));
    files.truncate(1, 5);
    files.append(Buffer.from('next'));
    await files.sync();
    expect((await files.read(1))?.toString()).toBe('wholenext');
    files.create(10);
    files.append(Buffer.from('x'));
    expect(files.list()).toEqual([1, 10]);
    files.unlink(10);
    await files.sync();
    expect(await files.read(10)).toBeUndefined();
    files.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
