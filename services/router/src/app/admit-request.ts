import { affordableOutput } from '../domain/reservation.ts';
import { boundsOf } from '../domain/site.ts';
import type { AllowanceRefusal, Allowances } from './allowances.ts';
import { GatewayFailure } from './gateway-failure.ts';
import { toLimitHeaders } from './limit-headers.ts';
import type { AccountQuota, Clock } from './ports.ts';
import type { AdmittedRequest, PreparedRequest } from './prepare-request.ts';

export interface AdmitRequestDeps {
  readonly allowances: Allowances;
  readonly clock: Pick<Clock, 'now'>;
}

/** Takes of the account's quotas what the request may need; throws a GatewayFailure where it does not get it. */
export async function admitRequest<Request extends PreparedRequest>(
  { allowances, clock }: AdmitRequestDeps,
  request: Request,
): Promise<Request & AdmittedRequest> {
  const { account, reservation, clientGone, dialect } = request;
  const allowance = await allowances.acquire({ account, ...reservation, signal: clientGone });
  if ('reason' in allowance) throw toFailure(allowance, request);
  if (clientGone.aborted) {
    allowances.settle(allowance, { tokens: 0, costNanoUsd: 0, event: undefined });
    throw new GatewayFailure('rate_limited', 'the client left before the request was admitted');
  }
  return { ...request, allowance, limitHeaders: toLimitHeaders(dialect, allowance.standing, clock.now()) };
}

/** Slots come free when a request ends, which nobody can foretell. */
const SLOT_RETRY_MS = 1_000;
const UNKNOWN_RETRY_MS = 2_000;

const UNIT = {
  requests: 'requests per minute',
  tokens: 'tokens per minute',
  slots: 'requests at the same time',
} as const;

function toFailure(refusal: AllowanceRefusal, request: PreparedRequest): GatewayFailure {
  const { reason, quota, dimension, retryAfterMs } = refusal;
  if (reason === 'gone') return new GatewayFailure('rate_limited', 'the client left before the request was admitted');
  if (reason === 'unavailable' || quota === undefined || dimension === undefined)
    return new GatewayFailure('money_unknown', 'limits cannot be checked at the moment, please try again', {
      retryAfterMs: UNKNOWN_RETRY_MS,
    });
  if (dimension === 'nanoUsd') return new GatewayFailure('money_spent', describeMoney(quota, refusal, request));
  const limit = quota.limits[dimension]?.toLocaleString('en-US') ?? '';
  const whose = quota.ofKey ? 'this API key' : 'this account';
  return new GatewayFailure('rate_limited', `${whose} has reached its limit of ${limit} ${UNIT[dimension]}`, {
    retryAfterMs: retryAfterMs ?? SLOT_RETRY_MS,
  });
}

function describeMoney(quota: AccountQuota, { affordable }: AllowanceRefusal, request: PreparedRequest): string {
  const { priced, asked, model } = request;
  const what =
    quota.kind === 'credit'
      ? 'the credits of this account'
      : `the budget of this ${quota.ofKey ? 'API key' : 'account'}`;
  const output = affordableOutput(asked, { price: priced.price, bounds: boundsOf(model), nanoUsd: affordable });
  if (output <= 0) return `${what} ${quota.kind === 'credit' ? 'are' : 'is'} spent`;
  return `${what} ${quota.kind === 'credit' ? 'do' : 'does'} not suffice for this request: at most ${output.toLocaleString('en-US')} tokens of output are affordable, set max_tokens`;
}
