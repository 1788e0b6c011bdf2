import { readFileSync } from 'node:fs';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { ConfigReader } from '@omg/config';

/** PEM files of one party; both sides present a certificate that the other checks against the same authority. */
export interface GrpcTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY: all three paths, or none for plain text. */
export function readGrpcTls(reader: ConfigReader): GrpcTls | undefined {
  const names = ['GRPC_TLS_CA', 'GRPC_TLS_CERT', 'GRPC_TLS_KEY'];
  const paths = names.map((name) => reader.optionalString(name));
  const [ca, cert, key] = paths.map((path) => (path === undefined ? undefined : readPem(reader, path)));
  if (ca !== undefined && cert !== undefined && key !== undefined) return { ca, cert, key };
  const missing = names.filter((_, index) => paths[index] === undefined);
  if (missing.length > 0 && missing.length < names.length)
    reader.fault(`${missing.join(' and ')} must be set as well for mutual TLS`);
  return undefined;
}

function readPem(reader: ConfigReader, path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    reader.fault(`${path} cannot be read`);
    return undefined;
  }
}

export function serverCredentials(tls: GrpcTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(tls.ca, [{ cert_chain: tls.cert, private_key: tls.key }], true);
}

export function channelCredentials(tls: GrpcTls | undefined): ChannelCredentials {
  return tls === undefined
    ? ChannelCredentials.createInsecure()
    : ChannelCredentials.createSsl(tls.ca, tls.key, tls.cert);
}
