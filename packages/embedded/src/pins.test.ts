import { describe, expect, it } from 'vitest';
import { isAtLeast } from './locate-program.ts';
import { MONGOD, NATS_SERVER } from './pins.ts';

describe('the official download', () => {
  it('is named for each platform as its makers name it', () => {
    expect(MONGOD.official.archiveUrl('linux-x64')).toBe(
      'https://fastdl.mongodb.org/linux/mongodb-linux-x86_64-ubuntu2204-6.0.5.tgz',
    );
    expect(MONGOD.official.archiveUrl('darwin-arm64')).toBe(
      'https://fastdl.mongodb.org/osx/mongodb-macos-arm64-6.0.5.tgz',
    );
    expect(NATS_SERVER.official.archiveUrl('linux-arm64')).toBe(
      'https://github.com/nats-io/nats-server/releases/download/v2.15.1/nats-server-v2.15.1-linux-arm64.tar.gz',
    );
    expect(MONGOD.official.archiveUrl('sunos-x64')).toBeUndefined();
  });

  it('has its checksum beside it', () => {
    expect(MONGOD.official.checksumUrl('https://example.test/linux/mongodb.tgz')).toBe(
      'https://example.test/linux/mongodb.tgz.sha256',
    );
    expect(NATS_SERVER.official.checksumUrl('https://example.test/v2.15.1/nats.tar.gz')).toBe(
      'https://example.test/v2.15.1/SHA256SUMS',
    );
  });
});

describe('isAtLeast', () => {
  it('compares numbers, not text', () => {
    expect(isAtLeast('6.0.5', '6.0.0')).toBe(true);
    expect(isAtLeast('10.0.0', '6.0.0')).toBe(true);
    expect(isAtLeast('2.9.30', '2.10.0')).toBe(false);
  });
});
