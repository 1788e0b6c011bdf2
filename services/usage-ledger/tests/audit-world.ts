import { randomUUIDv7 } from 'node:crypto';
import { Secret } from '@omg/config';
import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import { auditV1, type eventsV1 } from '@omg/proto-gen';
import { expect, vi } from 'vitest';
import { TOKENS, startAdmin, type AdminWorld } from './accounts-admin.ts';
import { makeEvent, publish, settled } from './ledger.ts';

export interface AuditWorld extends AsyncDisposable {
  readonly admin: AdminWorld;
  readonly audit: GrpcClient<auditV1.AuditService>;
  readonly letters: GrpcClient<auditV1.DeadLettersService>;
}

export async function startAudit(options: Parameters<typeof startAdmin>[0] = {}): Promise<AuditWorld> {
  await using stack = new AsyncDisposableStack();
  const admin = stack.use(await startAdmin(options));
  const { ledger } = admin;
  const connection = {
    address: `127.0.0.1:${ledger.service.grpcPort}`,
    token: new Secret(TOKENS.operator),
    deadlineMs: 15_000,
    telemetry: ledger.service.process.telemetry,
  };
  const audit = stack.use(createGrpcClient(auditV1.AuditService, connection));
  const letters = stack.use(createGrpcClient(auditV1.DeadLettersService, connection));
  const resources = stack.move();
  return {
    admin,
    audit,
    letters,
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync();
    },
  };
}

export interface Report {
  readonly results: ReadonlyMap<string, auditV1.CheckResult>;
  readonly differences: readonly auditV1.Difference[];
  readonly notes: readonly string[];
}

export async function reconcile(
  { audit }: Pick<AuditWorld, 'audit'>,
  question: Partial<auditV1.ReconcileRequest> = {},
): Promise<Report> {
  const results = new Map<string, auditV1.CheckResult>();
  const differences: auditV1.Difference[] = [];
  const notes: string[] = [];
  const asked = { checks: [], limit: 0, ...question };
  for await (const { message } of audit.reconcile(asked, new AbortController().signal)) {
    if (message?.$case === 'difference') differences.push(message.value);
    if (message?.$case === 'note') notes.push(message.value.text);
    if (message?.$case === 'result') results.set(message.value.check, message.value);
  }
  return { results, differences, notes };
}

/** `check: subject: what` of each. */
export function named({ differences }: Report): readonly string[] {
  return differences.map(({ check, subject, what }) => `${check}: ${subject}: ${what}`).toSorted();
}

const DAY_MS = 86_400_000;
/** Of routers; a service's is another one. */
export const EPOCHS = [randomUUIDv7(), randomUUIDv7(), randomUUIDv7()];
const SERVICE_EPOCH = randomUUIDv7();
const TENANTS = ['t1', 't2', 't3', 'demo', 'service:crawler'];

function oneOf<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] ?? expect.fail();
}

const MONTH = `month/UTC/${new Date().toISOString().slice(0, 7)}-01`;

/** As the events of requests that were admitted by the budgets of `demo` say it. */
function allowanceOf(tenantId: string, clientKeyId: string): eventsV1.Allowance | undefined {
  if (tenantId !== 'demo') return undefined;
  const ofTenant = { kind: 'MONEY_KIND_TENANT_BUDGET', bucket: MONTH, nanoUsd: 0n } as const;
  const ofKey = { kind: 'MONEY_KIND_KEY_BUDGET', bucket: 'rolling-30/Asia/Kolkata', nanoUsd: 0n } as const;
  return { opened: 0n, tokens: 0n, money: clientKeyId === 'demo-key' ? [ofTenant, ofKey] : [ofTenant] };
}

/** Whatever a router may report: several epochs, accounts and days, failures, and tokens of every kind. */
export function randomEvents(count: number): readonly eventsV1.UsageEvent[] {
  return Array.from({ length: count }, () => {
    const tenantId = oneOf(TENANTS);
    const clientKeyId = oneOf(['demo-key', 'key-1', 'key-2']);
    const success = Math.random() < 0.8;
    const upTo = (most: number): bigint => BigInt(Math.floor(Math.random() * most));
    return makeEvent({
      tenantId,
      epoch: tenantId.startsWith('service:') ? SERVICE_EPOCH : oneOf(EPOCHS),
      clientKeyId,
      allowance: allowanceOf(tenantId, clientKeyId),
      acceptedAt: new Date(Date.now() - Math.floor(Math.random() * 4 * DAY_MS)),
      success,
      abortReason: success ? '' : oneOf(['client_gone', '']),
      tokens: success
        ? {
            input: upTo(5_000),
            output: upTo(3_000),
            cacheWrite5m: upTo(500),
            cacheWrite1h: upTo(90),
            cacheRead: upTo(9_000),
          }
        : { input: upTo(2) * 77n, output: 0n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n },
      latencyMs: Math.floor(Math.random() * 20_000),
    });
  });
}

/** Publishes, some of it again, and waits until all is charged and in the rollups. */
export async function chargeRandomly({ admin: { world } }: AuditWorld, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 100) {
    const some = randomEvents(Math.min(left, 100));
    publish(world, some);
    publish(
      world,
      some.filter(() => Math.random() < 0.1),
    );
  }
  await settled(world, 20_000);
  await projected(world.db);
}

/** All that is charged is in the rollups. */
export async function projected(db: AdminWorld['world']['db']): Promise<void> {
  await vi.waitFor(
    async () => {
      const logs = await db.collection('request_logs').countDocuments();
      const rows = await db
        .collection<{ total: { n: number | bigint } }>('rollups')
        .find({ cube: 'all', unit: 'year' })
        .toArray();
      const counted = rows.reduce((sum, row) => sum + Number(row.total.n), 0);
      expect(counted).toBe(logs);
    },
    { timeout: 20_000, interval: 50 },
  );
}
