import type { keyAdminV1 } from '@omg/proto-gen';
import { Members } from './members.ts';
import { parseFile, type ParsedFile } from './parse-file.ts';
import { RowFault } from './row-fault.ts';

const MEMBERS = [
  'id',
  'apiKey',
  'slots',
  'requestsPerMinute',
  'tokensPerMinute',
  'enableFailover',
  'allowedModels',
] as const;
const BACKUP_MEMBERS = ['id', 'apiKey', 'enableFailover'] as const;

const UINT32 = 2 ** 32 - 1;

/** `id|apiKey` lines, or JSON objects with the fields of a key. */
export function parseKeys(text: string): ParsedFile<keyAdminV1.NewKey> {
  return parseFile(text, {
    fromText: (line) => {
      const { id, apiKey } = pairOf(line);
      return { keyId: id, fields: { apiKey } };
    },
    fromObject: (object) => {
      const members = new Members(object, MEMBERS);
      const tokensPerMinute = members.integer('tokensPerMinute', Number.MAX_SAFE_INTEGER);
      const models = members.strings('allowedModels');
      return {
        keyId: needed('id', members.string('id')),
        fields: {
          apiKey: needed('apiKey', members.string('apiKey')),
          slots: members.integer('slots', UINT32),
          requestsPerMinute: members.integer('requestsPerMinute', UINT32),
          tokensPerMinute: tokensPerMinute === undefined ? undefined : BigInt(tokensPerMinute),
          enableFailover: members.boolean('enableFailover'),
          allowedModels: models === undefined ? undefined : { models },
        },
      };
    },
    idOf: ({ keyId }) => keyId,
    uniqueOf: ({ keyId, fields }) => ({ id: keyId, key: fields?.apiKey ?? '' }),
  });
}

/** The same for backup keys. */
export function parseBackupKeys(text: string): ParsedFile<keyAdminV1.NewBackupKey> {
  return parseFile(text, {
    fromText: (line) => {
      const { id, apiKey } = pairOf(line);
      return { keyId: id, apiKey };
    },
    fromObject: (object) => {
      const members = new Members(object, BACKUP_MEMBERS);
      return {
        keyId: needed('id', members.string('id')),
        apiKey: needed('apiKey', members.string('apiKey')),
        enableFailover: members.boolean('enableFailover'),
      };
    },
    idOf: ({ keyId }) => keyId,
    uniqueOf: ({ keyId, apiKey }) => ({ id: keyId, key: apiKey }),
  });
}

function pairOf(line: string): { readonly id: string; readonly apiKey: string } {
  const [id = '', apiKey = '', ...more] = line.split('|').map((part) => part.trim());
  if (id === '' || apiKey === '' || more.length > 0) throw new RowFault('id|apiKey is expected');
  return { id, apiKey };
}

function needed(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new RowFault(`it has no ${name}`);
  return value;
}
