import type { StackAddresses } from './stack-addresses.ts';
import type { StackSecrets } from './stack-options.ts';

/** What somebody outside needs to use a stack, by the names of data/env. Lists are separated by commas. */
export function stackEnv(addresses: StackAddresses, secrets: StackSecrets): Record<string, string> {
  return {
    OMG_KEY: secrets.clientKey,
    SERVICE_TOKEN: secrets.operatorToken,
    OPENHANDS_URL: addresses.openhandsUrls[0] ?? '',
    OHMYGPT_URL: addresses.ohmygptUrls[0] ?? '',
    OPENHANDS_URLS: addresses.openhandsUrls.join(','),
    OHMYGPT_URLS: addresses.ohmygptUrls.join(','),
    BROKER_ADDR: addresses.brokerAddr,
    LEDGER_ADDR: addresses.ledgerAddr,
    BROKER_MONGO: addresses.brokerMongoUrl,
    LEDGER_MONGO: addresses.ledgerMongoUrl,
    NATS_URL: addresses.natsUrl,
    // tells a later scripts/up in the same shell that NATS_URL was not set for it
    OMG_STACK_NATS_URL: addresses.natsUrl,
    FAKE_URL: addresses.fakeUrl,
    FAKE_ADMIN: addresses.fakeAdminUrl,
    ...Object.fromEntries(Object.entries(addresses.opsUrls).map(([name, url]) => [opsName(name), url])),
  };
}

/** Lines that any POSIX shell can source. */
export function renderEnvFile(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`)
    .join('');
}

/** BROKER_OPS, LEDGER_OPS, ROUTER_OHMYGPT_1_OPS. */
function opsName(processName: string): string {
  const short = processName.replace(/^key-broker/, 'broker').replace(/^usage-ledger$/, 'ledger');
  return `${short.replaceAll('-', '_').toUpperCase()}_OPS`;
}
