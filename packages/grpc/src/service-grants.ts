import type { ConfigReader } from '@omg/config';
import { OmgError } from '@omg/errors';
import type { BoundService, CallContext } from './service.ts';

/** Whether a service, by the name of its token, was given something. Who is not named has nothing. */
export type HasGrant = (service: string, grant: string) => boolean;

export interface ServiceGrantsOptions {
  /** Every grant that there is. */
  readonly known: readonly string[];
  /** `name=grant+grant`, where nothing is configured. */
  readonly defaults: readonly string[];
}

/** SERVICE_GRANTS: `name=grant+grant`, comma-separated. */
export function readServiceGrants(reader: ConfigReader, { known, defaults }: ServiceGrantsOptions): HasGrant {
  const grants = new Map<string, ReadonlySet<string>>();
  for (const entry of reader.list('SERVICE_GRANTS', defaults)) {
    const [, name, list] = /^([\w.-]+)=(\S+)$/.exec(entry) ?? [];
    if (name === undefined || list === undefined) {
      reader.fault(`SERVICE_GRANTS must be a list of name=grant+grant, such as ${defaults.join(',')}`);
      continue;
    }
    const given = new Set(list.split('+'));
    if (grants.has(name)) reader.fault(`SERVICE_GRANTS names ${name} twice: write all its grants with + between them`);
    for (const grant of given) {
      if (!known.includes(grant)) {
        reader.fault(`SERVICE_GRANTS gives ${name} ${JSON.stringify(grant)}, which is none of ${known.join(', ')}`);
      }
    }
    grants.set(name, given);
  }
  return (service, grant) => grants.get(service)?.has(grant) === true;
}

// what each handler takes and gives was checked by bindService
type AnyHandler = (request: unknown, context: CallContext) => unknown;

/** The service for those alone who may call it, whatever it has or will have; anybody else is told `refusal`. */
export function restrictService(
  { definition, handlers }: BoundService,
  { may, refusal }: { readonly may: (caller: string) => boolean; readonly refusal: (caller: string) => string },
): BoundService {
  const guarded = Object.entries(handlers).map(([name, handler]): [string, AnyHandler] => [
    name,
    (request, context) => {
      if (!may(context.caller)) throw new OmgError('permission_denied', refusal(context.caller));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return (handler as AnyHandler)(request, context);
    },
  ]);
  return { definition, handlers: Object.fromEntries(guarded) };
}
