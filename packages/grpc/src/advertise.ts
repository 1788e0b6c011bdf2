import { hostname } from 'node:os';
import type { ConfigReader } from '@omg/config';

const WILDCARDS = new Set(['0.0.0.0', '[::]', '::']);

/**
 * ADVERTISE: under which `host` or `host:port` the other processes of a service reach this one; by default the host that
 * it listens on, or the machine's name.
 */
export function readAdvertise(reader: ConfigReader, listen: string): (port: number) => string {
  const host = listen.slice(0, listen.lastIndexOf(':'));
  const advertised = reader.string('ADVERTISE', WILDCARDS.has(host) ? hostname() : host);
  return (port) => (/:\d+$/.test(advertised) ? advertised : `${advertised}:${port}`);
}
