import type { eventsV1, refusalEventsV1 } from '@omg/proto-gen';
import type { RefusalBatch, RefusalCount } from '../domain/refusal.ts';
import { NewerEventError } from './parse-usage-event.ts';

/** The newest meaning of batches that this reader knows. */
const READER_VERSION = 1;
const MAX_LONG = 2n ** 63n - 1n;
/** No router has names as long as that, and an id is made of some of them. */
const MAX_NAME_LENGTH = 256;

const DIALECT: Record<eventsV1.Dialect, RefusalCount['dialect'] | undefined> = {
  DIALECT_OPENAI: 'openai',
  DIALECT_ANTHROPIC: 'anthropic',
  DIALECT_UNSPECIFIED: undefined,
  UNRECOGNIZED: undefined,
};

/** Undefined where nothing can be counted by it. */
export function parseRefusalBatch(batch: refusalEventsV1.RefusalBatch): RefusalBatch | undefined {
  if (batch.minReaderVersion > READER_VERSION) throw new NewerEventError(batch.minReaderVersion);
  const { epoch, number, site } = batch;
  if (!isName(epoch) || number < 1n || number > MAX_LONG) return undefined;
  return { epoch, number, counts: batch.counts.flatMap((count) => parseCount(site, count) ?? []) };
}

function parseCount(site: string, count: refusalEventsV1.RefusalCount): RefusalCount | undefined {
  const { minute, tenantId, clientKeyId, kind, statusCode: status, merged } = count;
  const dialect = DIALECT[count.dialect];
  const isKnown = minute !== undefined && !Number.isNaN(minute.getTime()) && dialect !== undefined;
  if (!isKnown || !isName(kind) || !isName(site) || count.count < 1n || count.count > MAX_LONG) return undefined;
  return {
    minute,
    tenantId: tenantId === '' ? undefined : tenantId,
    clientKeyId: clientKeyId === '' ? undefined : clientKeyId,
    site,
    dialect,
    kind,
    status,
    count: count.count,
    merged,
  };
}

function isName(text: string): boolean {
  return text !== '' && text.length <= MAX_NAME_LENGTH;
}
