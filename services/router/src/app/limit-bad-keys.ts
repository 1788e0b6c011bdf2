import type { Authentication, Authenticator } from './authenticate.ts';
import type { BadKeyLimit } from './bad-key-limit.ts';
import { GatewayFailure } from './gateway-failure.ts';

/** What is wrong with a key that is presented; `limited`: its address has presented too many. */
export type BadKey = 'missing' | 'unknown' | 'revoked' | 'limited';

export interface LimitBadKeysDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly limit: BadKeyLimit;
  readonly onBadKey: (what: BadKey) => void;
}

/** Whom a key belongs to, from an address: one that has presented many wrong keys gets no other one looked up. */
export function makeLimitBadKeys({
  authenticator,
  limit,
  onBadKey,
}: LimitBadKeysDeps): (key: string | undefined, address: string) => Promise<Authentication> {
  return async (key, address) => {
    const authentication = await authenticator.authenticate(key, () => {
      const retryAfterMs = limit.waitMs(address);
      if (retryAfterMs === 0) return;
      onBadKey('limited');
      const message = 'too many requests with a wrong API key came from this address, please wait';
      throw new GatewayFailure('rate_limited', message, { retryAfterMs });
    });
    const what = badnessOf(key, authentication.refused);
    if (what !== undefined) onBadKey(what);
    if (what === 'unknown' || what === 'revoked') limit.count(address);
    return authentication;
  };
}

function badnessOf(key: string | undefined, refused: string | undefined): BadKey | undefined {
  if (refused === 'unknown') return key === undefined ? 'missing' : 'unknown';
  return refused === 'key_revoked' ? 'revoked' : undefined;
}
