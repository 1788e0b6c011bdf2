import { existingKey, type AdminDeps } from './admin-deps.ts';
import { makeKeyReporter, type KeyReport } from './key-report.ts';

export interface GetKeyInput {
  readonly provider: string;
  readonly keyId: string;
}

export function makeGetKey({ offices, clock }: AdminDeps): (input: GetKeyInput) => KeyReport {
  return ({ provider, keyId }) => {
    const office = offices.get(provider);
    return makeKeyReporter(office, clock.nowMs())(existingKey(office, keyId));
  };
}
