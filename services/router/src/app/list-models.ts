import { mayUse } from '../domain/key-terms.ts';
import { namesOf, type Model, type Site } from '../domain/site.ts';
import { authenticated, type ClientRequest, type PrepareRequestDeps } from './prepare-request.ts';
import { requireTerms } from './require-terms.ts';

export interface ListModelsDeps {
  readonly site: () => Site;
  readonly authenticate: PrepareRequestDeps['authenticate'];
}

/** The models of the site that a client's key may use; throws a GatewayFailure where the key may not ask. */
export type ListModels = (request: Pick<ClientRequest, 'headers' | 'address'>) => Promise<readonly Model[]>;

export function makeListModels({ site, authenticate }: ListModelsDeps): ListModels {
  return async (request) => {
    const { keyTerms } = await authenticated({ authenticate }, request);
    const { name, models } = site();
    requireTerms(keyTerms, { scope: 'models', site: name });
    return models.filter((model) => mayUse(keyTerms, { model: namesOf(model) }));
  };
}
