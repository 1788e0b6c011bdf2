import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    mongodbUrl: string;
    natsUrl: string;
  }
}

/** The MongoDB that all integration tests of a run share. */
export function testMongoUrl(): string {
  return inject('mongodbUrl');
}

/** The NATS that all integration tests of a run share. */
export function testNatsUrl(): string {
  return inject('natsUrl');
}

/** A database that no other test uses. */
export function freshDatabaseName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}

/** A stream that no other test uses; NATS does not like a name to come back right after its stream was deleted. */
export function freshStreamName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex').toUpperCase()}`;
}
