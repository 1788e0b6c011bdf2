import { describe, expect, it } from 'vitest';
import { checksumOf } from './download-archive.ts';
import { pipComplaint } from './download-wheel.ts';

describe('checksumOf', () => {
  it('finds a file in a list, with or without the mark of binary mode', () => {
    expect(checksumOf('AA11  other.tgz\nBB22 *wanted.tgz\n', 'wanted.tgz')).toBe('bb22');
    expect(checksumOf('AA11  other.tgz\n', 'wanted.tgz')).toBeUndefined();
  });

  it('takes the only one of a list that names no file', () => {
    expect(checksumOf('aa11\n', 'wanted.tgz')).toBe('aa11');
  });
});

describe('pipComplaint', () => {
  it('is the reason, not the advice after it', () => {
    expect(
      pipComplaint(
        'WARNING: x\nERROR: No matching distribution found for y\n\n[notice] A new release of pip is available',
      ),
    ).toBe('No matching distribution found for y');
    expect(pipComplaint('/usr/bin/python3: No module named pip')).toBe('/usr/bin/python3: No module named pip');
  });
});
