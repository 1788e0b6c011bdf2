import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import type { ConfigReader } from '@omg/config';
import { OmgError } from '@omg/errors';

/** Tells who calls, by the bearer token of the call; throws `unauthenticated`. */
export type Authenticate = (metadata: Metadata) => string;

/** SERVICE_TOKENS: `name=token`, comma-separated; the name is what the caller is called in logs. */
export function readServiceTokens(reader: ConfigReader): Authenticate {
  const callers = reader.secrets('SERVICE_TOKENS').flatMap((entry) => {
    const [, name, token] = /^([\w.-]+)=(\S{16,})$/.exec(entry.reveal()) ?? [];
    if (name !== undefined && token !== undefined) return [{ name, digest: digestOf(token) }];
    reader.fault('SERVICE_TOKENS must be a list of name=token, each token at least 16 characters');
    return [];
  });
  if (callers.length === 0)
    reader.fault('SERVICE_TOKENS is not set: name=token of each service that may call, comma-separated');
  return (metadata) => {
    const [, token] = /^Bearer (\S+)$/i.exec(String(metadata.get('authorization')[0] ?? '')) ?? [];
    const digest = digestOf(token ?? '');
    const caller = callers.find((candidate) => timingSafeEqual(candidate.digest, digest));
    if (caller === undefined)
      throw new OmgError('unauthenticated', 'a service token is needed: authorization: Bearer <token>');
    return caller.name;
  };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
