import { mongoUrlWithDatabase } from './mongo-url.ts';
import { SITES, brokerName, ledgerName, routerName, type Site } from './parts.ts';
import type { PlanOptions } from './stack-options.ts';

export const LOOPBACK = '127.0.0.1';

const PORTS = {
  mongo: 7017,
  nats: 7022,
  fakeUpstream: 7003,
  fakeAdmin: 7103,
  broker: 7001,
  brokerOps: 7101,
  ledger: 7002,
  ledgerOps: 7102,
};
const ROUTER_PORTS: Readonly<Record<Site, { readonly http: number; readonly ops: number }>> = {
  openhands: { http: 8004, ops: 9004 },
  ohmygpt: { http: 8005, ops: 9005 },
};
/** Further replicas of usage-ledger: beside its first one there is no room. */
const FURTHER_LEDGERS = { grpc: 7202, ops: 7302 };
const REPLICA_STEP = 10;

/** Where everything of a stack is reached. */
export interface StackAddresses {
  /** Of every replica, in their order. */
  readonly openhandsUrls: readonly string[];
  readonly ohmygptUrls: readonly string[];
  /** gRPC, host:port; of key-broker the first replica. */
  readonly brokerAddr: string;
  readonly brokerAddrs: readonly string[];
  /** The first replica's. */
  readonly ledgerAddr: string;
  readonly ledgerAddrs: readonly string[];
  readonly mongodbUrl: string;
  readonly natsUrl: string;
  readonly brokerDatabase: string;
  readonly ledgerDatabase: string;
  /** The MongoDB addresses with the databases' names in them. */
  readonly brokerMongoUrl: string;
  readonly ledgerMongoUrl: string;
  readonly fakeUrl: string;
  readonly fakeAdminUrl: string;
  /** The operations listeners, by process name. */
  readonly opsUrls: Readonly<Record<string, string>>;
}

/** The ports of a stack with that offset, before anybody checked that they are free. */
export function stackPorts(portOffset: number): typeof PORTS {
  return {
    mongo: PORTS.mongo + portOffset,
    nats: PORTS.nats + portOffset,
    fakeUpstream: PORTS.fakeUpstream + portOffset,
    fakeAdmin: PORTS.fakeAdmin + portOffset,
    broker: PORTS.broker + portOffset,
    brokerOps: PORTS.brokerOps + portOffset,
    ledger: PORTS.ledger + portOffset,
    ledgerOps: PORTS.ledgerOps + portOffset,
  };
}

export function routerPorts(
  site: Site,
  replica: number,
  portOffset: number,
): { readonly http: number; readonly ops: number } {
  const shift = portOffset + REPLICA_STEP * (replica - 1);
  return { http: ROUTER_PORTS[site].http + shift, ops: ROUTER_PORTS[site].ops + shift };
}

export function brokerPorts(replica: number, portOffset: number): { readonly grpc: number; readonly ops: number } {
  const shift = portOffset + REPLICA_STEP * (replica - 1);
  return { grpc: PORTS.broker + shift, ops: PORTS.brokerOps + shift };
}

export function ledgerPorts(replica: number, portOffset: number): { readonly grpc: number; readonly ops: number } {
  if (replica === 1) return { grpc: PORTS.ledger + portOffset, ops: PORTS.ledgerOps + portOffset };
  const shift = portOffset + REPLICA_STEP * (replica - 2);
  return { grpc: FURTHER_LEDGERS.grpc + shift, ops: FURTHER_LEDGERS.ops + shift };
}

type AddressOptions = Pick<
  PlanOptions,
  'portOffset' | 'routersPerSite' | 'brokers' | 'ledgers' | 'mongodbUrl' | 'natsUrl' | 'databasePrefix'
>;

export function stackAddresses(options: AddressOptions): StackAddresses {
  const { portOffset, brokers = 1, ledgers = 1, databasePrefix = '' } = options;
  const ports = stackPorts(portOffset);
  const replicas = upTo(options.routersPerSite);
  const routerUrls = (site: Site): readonly string[] =>
    replicas.map((replica) => url(routerPorts(site, replica, portOffset).http));
  const routerOps = SITES.flatMap((site) =>
    replicas.map((replica): [string, string] => [
      routerName(site, replica),
      url(routerPorts(site, replica, portOffset).ops),
    ]),
  );
  const brokerAddrs = upTo(brokers).map((replica) => `${LOOPBACK}:${brokerPorts(replica, portOffset).grpc}`);
  const brokerOps = upTo(brokers).map((replica): [string, string] => [
    brokerName(replica),
    url(brokerPorts(replica, portOffset).ops),
  ]);
  const ledgerAddrs = upTo(ledgers).map((replica) => `${LOOPBACK}:${ledgerPorts(replica, portOffset).grpc}`);
  const ledgerOps = upTo(ledgers).map((replica): [string, string] => [
    ledgerName(replica),
    url(ledgerPorts(replica, portOffset).ops),
  ]);
  const mongodbUrl = options.mongodbUrl ?? `mongodb://${LOOPBACK}:${ports.mongo}/?replicaSet=rs0`;
  const brokerDatabase = `${databasePrefix}key_broker`;
  const ledgerDatabase = `${databasePrefix}usage_ledger`;
  return {
    openhandsUrls: routerUrls('openhands'),
    ohmygptUrls: routerUrls('ohmygpt'),
    brokerAddr: `${LOOPBACK}:${ports.broker}`,
    brokerAddrs,
    ledgerAddr: `${LOOPBACK}:${ports.ledger}`,
    ledgerAddrs,
    mongodbUrl,
    natsUrl: options.natsUrl ?? `nats://${LOOPBACK}:${ports.nats}`,
    brokerDatabase,
    ledgerDatabase,
    brokerMongoUrl: mongoUrlWithDatabase(mongodbUrl, brokerDatabase),
    ledgerMongoUrl: mongoUrlWithDatabase(mongodbUrl, ledgerDatabase),
    fakeUrl: url(ports.fakeUpstream),
    fakeAdminUrl: url(ports.fakeAdmin),
    opsUrls: Object.fromEntries([...brokerOps, ...ledgerOps, ...routerOps]),
  };
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function url(port: number): string {
  return `http://${LOOPBACK}:${port}`;
}
