import { once } from 'node:events';

import { createAdminServer } from '../fake-common/admin-http.ts';
import { listen } from '../fake-common/listen.ts';
import { adminRoutes } from './admin-routes.ts';
import type { BookEntry, BookFilter } from './book-entry.ts';
import { Books } from './books.ts';
import { nowMs } from '../fake-common/clock.ts';
import { parseFaultRules } from './fault-rule.ts';
import type { FaultRuleInput } from './fault-rule.ts';
import { FaultTable } from './fault-table.ts';
import type { FaultRuleStatus } from './fault-table.ts';
import { ProxyRegistry } from './proxy-registry.ts';
import { layScenario } from './scenario.ts';
import type { StatsSnapshot } from './stats.ts';
import { createTrafficServer } from './traffic-server.ts';
import { upstreamOptionsSchema } from './upstream-options.ts';
import type { FakeUpstreamOptions } from './upstream-options.ts';

/** A scriptable provider of both dialects on two listeners: one for traffic, one for administration. */
export interface FakeUpstream extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
  /** Adds rules and answers their ids; throws with every problem. */
  readonly setFault: (rules: FaultRuleInput | FaultRuleInput[]) => string[];
  readonly faults: () => FaultRuleStatus[];
  readonly clearFaults: () => void;
  readonly books: (filter?: BookFilter) => BookEntry[];
  /** A number, `last` or a provider's request id. */
  readonly bookById: (id: number | string) => BookEntry | null;
  readonly body: (id: number | string) => Buffer | null;
  readonly requestBody: (id: number | string) => Buffer | null;
  readonly clearBooks: () => void;
  readonly stats: () => StatsSnapshot;
}

export async function startFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const config = upstreamOptionsSchema.parse(options);
  const books = new Books({ maxEntries: config.maxEntries, maxBodyBytes: config.maxBodyBytes });
  const faults = new FaultTable(config.scenario, nowMs);
  const proxies = new ProxyRegistry();
  const traffic = createTrafficServer({
    books,
    faults,
    proxies,
    scenario: layScenario(config.scenario),
    keys: config.keys === null ? null : new Set(config.keys),
    models: config.models,
    strictModels: config.strictModels,
  });
  const admin = createAdminServer(adminRoutes({ books, faults, proxies }));
  const { host } = config;
  await using cleanup = new AsyncDisposableStack();
  for (const server of [traffic, admin]) {
    cleanup.defer(async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    });
  }
  const port = await listen(traffic, { what: 'fake upstream', host, port: config.port });
  const adminPort = await listen(admin, { what: "fake upstream's administration", host, port: config.adminPort });
  const resources = cleanup.move();
  return {
    url: `http://${host}:${port}`,
    adminUrl: `http://${host}:${adminPort}`,
    host,
    port,
    adminPort,
    setFault: (rules) => {
      const parsed = parseFaultRules(rules);
      if (!parsed.ok) throw new Error(parsed.problems.join('; '));
      return parsed.value.map((rule) => faults.add(rule));
    },
    faults: () => faults.list(),
    clearFaults: () => faults.clear(),
    books: (filter) => books.list(filter),
    bookById: (id) => books.find(String(id)),
    body: (id) => books.responseBody(String(id)),
    requestBody: (id) => books.requestBody(String(id)),
    clearBooks: () => books.clear(),
    stats: () => books.snapshot(),
    [Symbol.asyncDispose]: async () => await resources.disposeAsync(),
  };
}
