import { rename, rm, writeFile } from 'node:fs/promises';
import type { pricesV1 } from '@omg/proto-gen';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startAdmin, type AdminWorld } from './accounts-admin.ts';
import { RATES, siteFileOf } from './ledger.ts';

const logged: string[] = [];
let running: AdminWorld;
let siteFile: string;
beforeAll(async () => {
  running = await startAdmin({
    environment: { LOG_LEVEL: 'info' },
    overrides: { logDestination: { write: (line) => logged.push(line) } },
  });
  siteFile = running.world.environment['SITE_FILES'] ?? '';
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const outputs = async (): Promise<readonly bigint[]> => {
  const { prices } = await running.admin.listPrices({ site: '', model: 'model-a', allVersions: true });
  return prices.map(({ rates }: pricesV1.PriceVersion) => rates?.output ?? 0n);
};
const patience = { timeout: 10_000, interval: 50 };

test('a changed site file counts without a restart, a faulty one does not, and says why', async () => {
  expect(await outputs()).toEqual([16_500_000_000n]);
  await writeFile(siteFile, siteFileOf({ ...RATES, output: '33' }));
  await vi.waitFor(async () => {
    expect(await outputs()).toEqual([16_500_000_000n, 33_000_000_000n]);
  }, patience);

  await writeFile(siteFile, siteFileOf({ ...RATES, output: 'much' }));
  await vi.waitFor(() => {
    expect(logged.join('')).toContain('must be a decimal number');
  }, patience);
  await rm(siteFile);
  await vi.waitFor(() => {
    expect(logged.join('')).toContain('cannot be read');
  }, patience);
  expect(await outputs()).toEqual([16_500_000_000n, 33_000_000_000n]);

  // as mounted configuration is changed: another file takes the name
  await writeFile(`${siteFile}.next`, siteFileOf({ ...RATES, output: '34', perRequest: '0.001' }));
  await rename(`${siteFile}.next`, siteFile);
  await vi.waitFor(async () => {
    expect(await outputs()).toEqual([16_500_000_000n, 33_000_000_000n, 34_000_000_000n]);
  }, patience);
  const { prices } = await running.admin.listPrices({ site: 'ohmygpt', model: '', allVersions: false });
  expect(prices).toMatchObject([{ perRequestNanoUsd: 1_000_000n, version: 'ohmygpt/model-a@3' }]);
});

test('models without a price have the default of their site, and without that none, which is told', async () => {
  const file = (change: object): string =>
    JSON.stringify({
      site: 'ohmygpt',
      provider: 'ohmygpt',
      port: 8005,
      models: [
        { id: 'model-a', upstream: 'model-a', price: RATES },
        { id: 'model-b', upstream: 'model-b' },
      ],
      ...change,
    });
  const current = async (): Promise<Record<string, readonly [bigint | undefined, bigint]>> => {
    const { prices } = await running.ledger.accounts.getPrices({ site: 'ohmygpt' });
    return Object.fromEntries(
      prices.map(({ model, rates, multiplierNano }) => [model, [rates?.output, multiplierNano]]),
    );
  };
  const own = [16_500_000_000n, 1_000_000_000n] as const;
  await writeFile(siteFile, file({ defaultPrice: { ...RATES, output: '20', multiplier: '1.5' } }));
  await vi.waitFor(async () => {
    expect(await current()).toEqual({ 'model-a': own, 'model-b': [20_000_000_000n, 1_500_000_000n] });
  }, patience);
  const unpricedModels = async (): Promise<string | undefined> => {
    const metrics = await (await fetch(`${running.ledger.opsUrl}/metrics`)).text();
    return /^omg_ledger_unpriced_models(\{.*\})? (\d+)/m.exec(metrics)?.[2];
  };
  expect(await unpricedModels()).toBe('0');
  expect(logged.join('')).not.toContain('have no price');

  // neither its own nor the default: what it had before does not count any more
  await writeFile(siteFile, file({}));
  await vi.waitFor(async () => {
    expect(await current()).toEqual({ 'model-a': own });
  }, patience);
  await vi.waitFor(async () => {
    expect(await unpricedModels()).toBe('1');
  }, patience);
  expect(logged.find((line) => line.includes('have no price'))).toContain('ohmygpt/model-b');
});
