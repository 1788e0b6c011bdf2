import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadConfig } from './config.ts';

const ENVIRONMENT = {
  SITE_FILE: fileURLToPath(new URL('../../../deploy/config/ohmygpt.dev.json', import.meta.url)),
  BROKER_ADDR: 'broker:7001',
  LEDGER_ADDR: 'ledger:7002',
  SERVICE_TOKEN: 'token',
  NATS_URL: 'nats://nats:4222',
  JOURNAL_DIR: '/journal',
};

test('without more than what is required a router trusts no proxy, knows no old keys, and drains for as long as a stream lasts', () => {
  expect(loadConfig(ENVIRONMENT)).toMatchObject({
    port: 8005,
    site: { name: 'ohmygpt', corsOrigins: [], proxies: 'allowed', retry: { attempts: 6, attemptsPerRoute: 3 } },
    trustedProxies: [],
    legacyKeyPrefixes: [],
    badKeysPerMinute: 60,
    process: { drainTimeoutMs: 3_630_000 },
  });
});

test('lists and networks are read', () => {
  expect(
    loadConfig({
      ...ENVIRONMENT,
      TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1,fd00::/8',
      LEGACY_KEY_PREFIXES: 'sk-trollllm-,old_',
      DRAIN_TIMEOUT: '10s',
    }),
  ).toMatchObject({
    trustedProxies: ['10.0.0.0/8', '192.0.2.1', 'fd00::/8'],
    legacyKeyPrefixes: ['sk-trollllm-', 'old_'],
    process: { drainTimeoutMs: 10_000 },
  });
});

describe('a start is refused by', () => {
  test.each([
    ['a proxy that is a name', { TRUSTED_PROXIES: 'nginx' }, /TRUSTED_PROXIES/],
    ['a network of everybody', { TRUSTED_PROXIES: '0.0.0.0/0' }, /TRUSTED_PROXIES/],
    ['a network that is longer than its address', { TRUSTED_PROXIES: '10.0.0.0/33' }, /TRUSTED_PROXIES/],
    ['a prefix that fits too much', { LEGACY_KEY_PREFIXES: 'sk-trollllm-,s' }, /LEGACY_KEY_PREFIXES/],
    ['a limit of nothing', { BAD_KEYS_PER_MINUTE: '0' }, /BAD_KEYS_PER_MINUTE/],
    ['a site file that is not there', { SITE_FILE: '/nowhere.json' }, /\/nowhere\.json cannot be read/],
  ])('%s', (_, change, message) => {
    expect(() => loadConfig({ ...ENVIRONMENT, ...change })).toThrow(message);
  });
});
