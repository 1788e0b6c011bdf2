import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { renderEnvFile, stackEnv } from './env-file.ts';
import { stackAddresses } from './stack-addresses.ts';

describe('data/env', () => {
  test('a shell reads back every value, whatever is in it', () => {
    const values = { PLAIN: 'http://127.0.0.1:8004', ODD: `it's $HOME "and" \`more\`\\`, EMPTY: '' };
    const script = `${renderEnvFile(values)}printf '%s|' "$PLAIN" "$ODD" "$EMPTY"`;
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(`${values.PLAIN}|${values.ODD}||`);
  });

  test('has the first replica, all replicas, and an operations address of each process', () => {
    const addresses = stackAddresses({ portOffset: 0, routersPerSite: 2, brokers: 2 });
    const env = stackEnv(addresses, { routerToken: 'r', operatorToken: 'o', clientKey: 'k', encryptionKey: 'e' });
    expect(env).toMatchObject({
      OMG_KEY: 'k',
      SERVICE_TOKEN: 'o',
      OHMYGPT_URL: 'http://127.0.0.1:8005',
      OHMYGPT_URLS: 'http://127.0.0.1:8005,http://127.0.0.1:8015',
      BROKER_ADDR: '127.0.0.1:7001',
      LEDGER_MONGO: 'mongodb://127.0.0.1:7017/usage_ledger?replicaSet=rs0',
      BROKER_OPS: 'http://127.0.0.1:7101',
      BROKER_2_OPS: 'http://127.0.0.1:7111',
      LEDGER_OPS: 'http://127.0.0.1:7102',
      ROUTER_OPENHANDS_1_OPS: 'http://127.0.0.1:9004',
      ROUTER_OHMYGPT_2_OPS: 'http://127.0.0.1:9015',
    });
  });
});
