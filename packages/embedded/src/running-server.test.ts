import { describe, expect, it } from 'vitest';
import { parseNatsInfo } from './read-nats-info.ts';
import { hostsOf } from './running-server.ts';

describe('hostsOf', () => {
  it('shows no password', () => {
    expect(hostsOf('mongodb://me:s3cr3t@db1:27017,db2:27018/omg?replicaSet=rs0')).toBe('db1:27017,db2:27018');
    expect(hostsOf('nats://me:s3cr3t@n1:4222,nats://me:s3cr3t@n2:4222')).toBe('n1:4222,n2:4222');
  });
});

describe('parseNatsInfo', () => {
  it('reads what nats-server greets with, and nothing else', () => {
    expect(parseNatsInfo('INFO {"server_id":"N","version":"2.15.1","jetstream":true,"port":4222} \r\n')).toEqual({
      version: '2.15.1',
      jetstream: true,
    });
    expect(parseNatsInfo('INFO {"server_id":"N","version":"2.15.1","port":4222} \r\n')).toEqual({
      version: '2.15.1',
      jetstream: false,
    });
    expect(parseNatsInfo('HTTP/1.1 400 Bad Request')).toBeUndefined();
  });
});
