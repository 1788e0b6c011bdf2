import { mayUse, type KeyTerms, type KeyUse } from '../domain/key-terms.ts';
import { GatewayFailure } from './gateway-failure.ts';

/** Throws a GatewayFailure that says which of a key's terms is in the way; a model goes by its id, and then its aliases. */
export function requireTerms(terms: KeyTerms, { scope, model, site }: KeyUse): void {
  if (site !== undefined && !mayUse(terms, { site }))
    throw new GatewayFailure('forbidden', 'this API key may not be used at this site');
  if (scope !== undefined && !mayUse(terms, { scope }))
    throw new GatewayFailure('forbidden', `this API key has no scope ${JSON.stringify(scope)}`);
  if (model !== undefined && !mayUse(terms, { model }))
    throw new GatewayFailure('forbidden', `this API key may not use the model ${JSON.stringify(model[0])}`);
}
