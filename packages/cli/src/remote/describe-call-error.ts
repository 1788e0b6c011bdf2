import type { OmgError } from '@omg/errors';

export interface Callee {
  readonly name: string;
  readonly address: string;
  readonly variable: string;
}

/** grpc-js' own words for a connection that could not be made or was lost, in front of the system's. */
const NO_CONNECTION =
  /^(No connection established|Name resolution failed|Connection dropped|.*\b(ECONN[A-Z]+|ETIMEDOUT|EHOSTUNREACH)\b)/;

/** A failed call as a sentence for people. */
export function describeCallError(error: OmgError, { name, address, variable }: Callee): string {
  const text = textOf(error);
  switch (error.code) {
    case 'unavailable':
      return NO_CONNECTION.test(text)
        ? `${name} cannot be reached at ${address}${reasonOf(text)}; is it running? (${variable})`
        : `${name} at ${address} cannot answer now: ${text}`;
    case 'deadline_exceeded':
      return `${name} at ${address} did not answer in time (${variable})`;
    case 'unauthenticated':
      return `${name} at ${address} does not accept the service token (SERVICE_TOKEN)`;
    case 'not_owner':
      return `${name}: ${text}, and its owner is not known at the moment: try again in some seconds`;
    case 'cancelled':
      return 'interrupted';
    case 'internal':
      return `${name} at ${address} failed: ${text}`;
    default:
      return `${name}: ${text}`;
  }
}

/** What the service said, without the method's path in front. */
export function textOf({ message }: OmgError): string {
  return message.replace(/^\/\S+: /, '');
}

/** Why there is no connection, where it is more than nobody listening there: a certificate, for one. */
function reasonOf(text: string): string {
  const [, reason = ''] =
    /Last error: (?:\w*Error[^:]*: )?(.*?)(?: \([-\d:.TZ]+\))?\. Resolution note/.exec(text) ?? [];
  return reason === '' || reason.includes('ECONNREFUSED') ? '' : ` (${reason})`;
}
