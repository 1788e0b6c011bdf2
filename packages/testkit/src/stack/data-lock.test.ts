import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockDataDirectory } from './data-lock.ts';

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'omg-lock-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

describe('the lock of a data directory', () => {
  test('is held once, and again after it was given back', () => {
    const lock = lockDataDirectory(dataDir);
    expect(() => lockDataDirectory(dataDir)).toThrow(`(pid ${process.pid}) is using ${dataDir}`);
    lock[Symbol.dispose]();
    lockDataDirectory(dataDir)[Symbol.dispose]();
  });

  test.each([
    ['of a process that is gone', '2147483646 17'],
    ['whose pid belongs to a later process', `${process.pid} 17`],
    ['that was cut short', ''],
  ])('%s is taken over', (_what, text) => {
    writeFileSync(join(dataDir, 'lock'), text);
    const lock = lockDataDirectory(dataDir);
    expect(() => lockDataDirectory(dataDir)).toThrow(`(pid ${process.pid})`);
    lock[Symbol.dispose]();
  });
});
