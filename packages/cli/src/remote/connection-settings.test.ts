import { expect, test } from 'vitest';
import { CommandFailure, UsageError } from '../failures.ts';
import { ConnectionSettings, KEY_BROKER, USAGE_LEDGER, type ConnectionSources } from './connection-settings.ts';

const FILE = {
  path: '/home/me/data/env',
  values: { LEDGER_ADDR: 'file:1', LEDGER_OPS: 'http://file:2', SERVICE_TOKEN: 'of-the-file' },
};

function settings(sources: Partial<ConnectionSources>): ConnectionSettings {
  return new ConnectionSettings({
    options: {},
    environment: {},
    stackEnvFile: () => undefined,
    ...sources,
  });
}

test('an option wins over the environment, the environment over the file of scripts/up', () => {
  const all = {
    options: { ledger: 'option:1' },
    environment: { LEDGER_ADDR: 'environment:1' },
    stackEnvFile: () => FILE,
  };
  expect(settings(all).service(USAGE_LEDGER)).toEqual({ address: 'option:1', source: '--ledger', opsUrl: undefined });
  expect(settings({ ...all, options: {} }).service(USAGE_LEDGER)).toMatchObject({
    address: 'environment:1',
    source: 'LEDGER_ADDR in the environment',
  });
  expect(settings({ stackEnvFile: () => FILE }).service(USAGE_LEDGER)).toEqual({
    address: 'file:1',
    source: 'LEDGER_ADDR in /home/me/data/env',
    opsUrl: 'http://file:2',
  });
});

test('the operations listener of another place is not taken for that of this service', () => {
  const elsewhere = { environment: { LEDGER_ADDR: 'environment:1' }, stackEnvFile: () => FILE };
  expect(settings(elsewhere).service(USAGE_LEDGER).opsUrl).toBeUndefined();
});

test('the file is not looked for while the environment says enough', () => {
  const { LEDGER_ADDR, SERVICE_TOKEN } = FILE.values;
  const enough = settings({
    environment: { LEDGER_ADDR, SERVICE_TOKEN },
    stackEnvFile: () => {
      throw new Error('looked for');
    },
  });
  expect(enough.service(USAGE_LEDGER).address).toBe('file:1');
  expect(enough.token().token.reveal()).toBe('of-the-file');
});

test.each([
  [
    {},
    'the address of key-broker is not known: set BROKER_ADDR, or --broker, or run omg where scripts/up keeps data/env',
  ],
  [{ environment: { BROKER_ADDR: 'no port' } }, 'BROKER_ADDR must be host:port'],
])('an address that is missing or faulty is named', (sources, sentence) => {
  expect(() => settings(sources).service(KEY_BROKER)).toThrow(new CommandFailure(sentence));
});

test('a faulty option is a fault of the command line', () => {
  expect(() => settings({ options: { broker: 'nowhere' } }).service(KEY_BROKER)).toThrow(
    new UsageError('--broker must be host:port'),
  );
});

test('a token that is missing is asked for, and one that is there is not shown', () => {
  expect(() => settings({}).token()).toThrow(/^there is no service token: set SERVICE_TOKEN/);
  expect(() => settings({ options: { 'token-file': '/does/not/exist' } }).token()).toThrow(
    /^the token file cannot be read/,
  );
  expect(JSON.stringify(settings({ stackEnvFile: () => FILE }).token())).not.toContain('of-the-file');
});

test('half a TLS configuration is refused', () => {
  expect(() => settings({ environment: { GRPC_TLS_CA: '/does/not/exist' } }).tls()).toThrow(
    '/does/not/exist cannot be read; GRPC_TLS_CERT and GRPC_TLS_KEY must be set as well for mutual TLS',
  );
});
