import type { OptionSpecs } from '../command.ts';

/** What every command takes. */
export const GLOBAL_OPTIONS = {
  json: { type: 'boolean', summary: 'one JSON object per line, for programs' },
  broker: {
    type: 'string',
    value: 'HOST:PORT',
    summary: "key-broker's gRPC address (BROKER_ADDR)",
  },
  ledger: {
    type: 'string',
    value: 'HOST:PORT',
    summary: "usage-ledger's gRPC address (LEDGER_ADDR)",
  },
  'token-file': {
    type: 'string',
    value: 'FILE',
    summary: 'a file with the service token (SERVICE_TOKEN)',
  },
  verbose: {
    type: 'boolean',
    summary: 'say on stderr where addresses come from, and more about failures',
  },
  help: { type: 'boolean', short: 'h', summary: 'what the command does and takes' },
} as const satisfies OptionSpecs;

export type GlobalOption = keyof typeof GLOBAL_OPTIONS;
