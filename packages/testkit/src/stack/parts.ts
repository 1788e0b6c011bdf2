/** The sites that a stack serves, each by routers of its own. */
export const SITES = ['openhands', 'ohmygpt'] as const;
export type Site = (typeof SITES)[number];

/** What a stack is made of; a router part stands for all replicas of its site. */
export const PARTS = [
  'mongo',
  'nats',
  'fake-upstream',
  'key-broker',
  'usage-ledger',
  'router-openhands',
  'router-ohmygpt',
] as const;
export type Part = (typeof PARTS)[number];

export function routerPart(site: Site): Part {
  return `router-${site}`;
}

/** The process of replica `replica`, counted from 1: the first goes by the service's name alone. */
export function brokerName(replica: number): string {
  return replica === 1 ? 'key-broker' : `key-broker-${replica}`;
}

/** The process of replica `replica`, counted from 1: the first goes by the service's name alone. */
export function ledgerName(replica: number): string {
  return replica === 1 ? 'usage-ledger' : `usage-ledger-${replica}`;
}

/** The process of replica `replica`, counted from 1. */
export function routerName(site: Site, replica: number): string {
  return `${routerPart(site)}-${replica}`;
}
