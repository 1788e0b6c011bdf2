import { Secret } from '@omg/config';
import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import { accountsAdminV1 } from '@omg/proto-gen';
import { makeWorld, type Ledger, type StartOptions, type World } from './ledger.ts';

export type AdminClient = GrpcClient<accountsAdminV1.AccountsAdminService>;

/** Of services by these names. */
export const TOKENS = {
  router: 'a-token-of-the-router',
  operator: 'a-token-of-the-operator',
  stranger: 'a-token-of-a-stranger',
};

export interface AdminWorld extends AsyncDisposable {
  readonly world: World;
  readonly ledger: Ledger;
  /** The operator's. */
  readonly admin: AdminClient;
  clientOf: (token: string) => AdminClient;
}

/** A ledger as it is, with somebody who may administer it. */
export async function startAdmin({ environment = {}, overrides = {} }: StartOptions = {}): Promise<AdminWorld> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await makeWorld());
  const tokens = Object.entries(TOKENS).map(([name, token]) => `${name}=${token}`);
  const ledger = await world.start({ environment: { SERVICE_TOKENS: tokens.join(','), ...environment }, overrides });
  const clientOf = (token: string): AdminClient =>
    resources.use(
      createGrpcClient(accountsAdminV1.AccountsAdminService, {
        address: `127.0.0.1:${ledger.service.grpcPort}`,
        token: new Secret(token),
        deadlineMs: 10_000,
        telemetry: ledger.service.process.telemetry,
      }),
    );
  const resources = new AsyncDisposableStack();
  stack.use(resources);
  const admin = clientOf(TOKENS.operator);
  const all = stack.move();
  return {
    world,
    ledger,
    admin,
    clientOf,
    async [Symbol.asyncDispose]() {
      await all.disposeAsync();
    },
  };
}

/** A budget's or a limit's absence, for requests that change something else. */
export const NOTHING_ELSE = { limits: [], neverExpires: false } as const;
