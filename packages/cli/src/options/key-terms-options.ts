import type { keyAdminV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';

const MOST = { min: 0, max: 2 ** 32 - 1 };

/** What a key is allowed. */
export const KEY_TERMS = {
  slots: { type: 'string', value: 'N', summary: 'requests at the same time; 0 is the default' },
  rpm: { type: 'string', value: 'N', summary: 'requests per minute; 0 is no limit' },
  tpm: { type: 'string', value: 'N', summary: 'tokens per minute; 0 is no limit' },
  failover: {
    type: 'string',
    value: 'on|off',
    summary: "go to the provider's backup endpoint before the key is rotated",
  },
  models: { type: 'string', value: 'A,B', summary: "only for these models, by the upstream's names" },
  'any-model': { type: 'boolean', summary: 'for every model' },
} as const satisfies OptionSpecs;

/** Of a backup key. */
export const BACKUP_FAILOVER = {
  failover: { type: 'string', value: 'on|off', summary: 'instead of what the key has that it will replace' },
} as const satisfies OptionSpecs;

/** Only what is given. */
export function readKeyTerms(args: Arguments<keyof typeof KEY_TERMS>): keyAdminV1.KeyFields {
  const models = args.list('models');
  if (models !== undefined && args.flag('any-model'))
    throw new UsageError('--models and --any-model exclude each other');
  const allowed = args.flag('any-model') ? [] : models;
  const tokensPerMinute = args.integer('tpm', { min: 0, max: Number.MAX_SAFE_INTEGER });
  return {
    slots: args.integer('slots', MOST),
    requestsPerMinute: args.integer('rpm', MOST),
    tokensPerMinute: tokensPerMinute === undefined ? undefined : BigInt(tokensPerMinute),
    enableFailover: args.onOff('failover'),
    allowedModels: allowed === undefined ? undefined : { models: allowed },
  };
}

/** Throws where nothing would be changed. */
export function requireChange(fields: object, command: string): void {
  if (Object.values(fields).every((value) => value === undefined))
    throw new UsageError(`there is nothing to change; omg ${command} --help lists what can be`);
}
