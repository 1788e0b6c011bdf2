import { presentedKey, scanRequest, type Dialect, type RequestFault, type RequestScan } from '@omg/llm-wire';
import { OmgError } from '@omg/errors';
import type { Price } from '@omg/pricing';
import { reserve, type AskedFor, type Reservation } from '../domain/reservation.ts';
import { boundsOf, findModel, namesOf, type Model, type Site } from '../domain/site.ts';
import type { UsualUse } from '../domain/usage-learner.ts';
import { affinityKey } from './affinity-key.ts';
import type { Allowance } from './allowances.ts';
import type { Authentication } from './authenticate.ts';
import { askedFor } from './asked-for.ts';
import { GatewayFailure } from './gateway-failure.ts';
import type { RawHeaders } from './upstream.ts';
import type { Account, Closed, PriceTable } from './ports.ts';
import { requireTerms } from './require-terms.ts';

export interface ClientHeaders {
  readonly [name: string]: string | readonly string[] | undefined;
}

/** What is found out about a request on its way, for whoever has to say what became of it. */
export interface RequestTrail {
  /** Who asks, as soon as it is known, even where they may not. */
  account?: Account;
  /** It was forwarded, and is in the journal. */
  forwarded?: boolean;
}

export interface ClientRequest {
  readonly requestId: string;
  readonly dialect: Dialect;
  readonly headers: ClientHeaders;
  /** Of the client, or of the proxy that it comes through. */
  readonly address: string;
  readonly body: Uint8Array;
  readonly acceptedAt: Date;
  readonly acceptedMs: number;
  /** Aborted when the client goes away. */
  readonly clientGone: AbortSignal;
  readonly trail?: RequestTrail;
}

/** A request that may be forwarded: who it is for, and what it asks. */
export interface PreparedRequest extends ClientRequest {
  readonly account: Account;
  readonly model: Model;
  readonly scan: RequestScan;
  readonly stream: boolean;
  /** Of the conversation, within the client key. */
  readonly affinityHash: number | undefined;
  /** The price by which it is reckoned, and what it may come to. */
  readonly priced: PricedModel;
  readonly asked: AskedFor;
  readonly reservation: Reservation;
}

/** One that was admitted by what its account has. */
export interface AdmittedRequest extends PreparedRequest {
  readonly allowance: Allowance;
  /** What the client is told of its limits and budgets, with whatever answer it gets. */
  readonly limitHeaders: RawHeaders;
}

export interface PricedModel {
  readonly version: string;
  readonly price: Price;
}

export interface PrepareRequestDeps {
  readonly site: () => Site;
  readonly authenticate: (key: string | undefined, address: string) => Promise<Authentication>;
  readonly prices: PriceTable;
  /** What requests of the model usually come to. */
  readonly usualOf: (model: string) => UsualUse;
  /** A model of the site that has no price: nobody may use it. */
  readonly onUnpriced: (model: string) => void;
  /** 32 bits of a conversation's key within a scope. */
  readonly affinityHash: (scope: string, key: string) => number;
}

const CLOSED_MESSAGE: Record<Closed, string> = {
  tenant_suspended: 'this account is suspended',
  key_disabled: 'this API key is disabled',
  key_revoked: 'this API key was revoked',
  key_expired: 'this API key has expired',
};

const NO_KEY_MESSAGE = 'there is no API key: send it as "authorization: Bearer <key>" or "x-api-key: <key>"';

/** Checks what can be checked without forwarding; throws a GatewayFailure. */
export function makePrepareRequest(deps: PrepareRequestDeps): (request: ClientRequest) => Promise<PreparedRequest> {
  return async (request) => {
    const account = await authenticated(deps, request);
    const result = scanRequest(request.body);
    if (!result.ok) throw new GatewayFailure('bad_request', describeFault(result.fault));
    const { scan } = result;
    // what two parsers read differently would be checked as one thing and billed as another
    const [duplicate] = scan.duplicates;
    if (duplicate !== undefined)
      throw new GatewayFailure('bad_request', `the request body has ${JSON.stringify(duplicate)} twice`);
    if (scan.model === undefined)
      throw new GatewayFailure('bad_request', 'the request body names no model: set "model" to a string');
    const model = findModel(deps.site(), scan.model);
    if (model === undefined)
      throw new GatewayFailure(
        'model_not_found',
        `the model ${JSON.stringify(scan.model)} does not exist here; /v1/models lists those that do`,
      );
    requireTerms(account.keyTerms, { site: deps.site().name, scope: 'inference', model: namesOf(model) });
    const priced = deps.prices.priceOf(model.id);
    if (priced === undefined) {
      deps.onUnpriced(model.id);
      throw new GatewayFailure(
        'money_unknown',
        `the model ${JSON.stringify(model.id)} has no price here at the moment`,
        {
          retryAfterMs: 10_000,
        },
      );
    }
    const asked = askedFor(request.body, scan);
    const conversation = affinityKey(request, scan);
    return {
      ...request,
      account,
      scan,
      model,
      stream: scan.stream,
      affinityHash: conversation === undefined ? undefined : deps.affinityHash(account.clientKeyId, conversation),
      priced,
      asked,
      reservation: reserve(asked, { price: priced.price, bounds: boundsOf(model), usual: deps.usualOf(model.id) }),
    };
  };
}

function describeFault({ reason, offset, member }: RequestFault): string {
  const where = member === undefined ? '' : ` in ${JSON.stringify(member)}`;
  return `the request body cannot be read: ${reason.replaceAll('_', ' ')}${where} at byte ${offset}`;
}

/** Whose key comes with a request; throws a GatewayFailure where it opens nothing. */
export async function authenticated(
  { authenticate }: Pick<PrepareRequestDeps, 'authenticate'>,
  { headers, address, trail }: Pick<ClientRequest, 'headers' | 'address' | 'trail'>,
): Promise<Account> {
  const key = presentedKey(headers);
  const authentication = await askLedger(async () => await authenticate(key, address));
  const { account, refused } = authentication;
  if (trail !== undefined && account !== undefined) trail.account = account;
  if (refused === undefined) return account;
  if (refused === 'unknown' || refused === 'key_revoked')
    throw new GatewayFailure('invalid_key', key === undefined ? NO_KEY_MESSAGE : 'this API key is not valid');
  throw new GatewayFailure('forbidden', CLOSED_MESSAGE[refused]);
}

/** Throws a GatewayFailure where the ledger gives no answer. */
export async function askLedger<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof OmgError)) throw error;
    throw new GatewayFailure('money_unknown', 'accounts cannot be checked at the moment, please try again', {
      retryAfterMs: 2_000,
      cause: error,
    });
  }
}
