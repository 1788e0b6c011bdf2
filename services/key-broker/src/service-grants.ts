import type { ConfigReader } from '@omg/config';
import { readServiceGrants as readGrants } from '@omg/grpc';
import type { ServiceGrants } from './app/service-grants.ts';

const ADMIN = 'admin';
const EVERY_PROVIDER = '*';
const DEFAULT = ['router=*', 'operator=*+admin'];

/** SERVICE_GRANTS: `name=grant+grant`, comma-separated; a grant is a provider's name, `*` for all of them, or `admin`. */
export function readServiceGrants(reader: ConfigReader, providers: readonly string[]): ServiceGrants {
  const has = readGrants(reader, { known: [...providers, EVERY_PROVIDER, ADMIN], defaults: DEFAULT });
  return {
    mayLease: (service, provider) =>
      providers.includes(provider) && (has(service, provider) || has(service, EVERY_PROVIDER)),
    mayAdminister: (service) => has(service, ADMIN),
  };
}
