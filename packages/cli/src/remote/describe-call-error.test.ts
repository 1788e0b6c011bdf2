import { OmgError, type ErrorCode } from '@omg/errors';
import { expect, test } from 'vitest';
import { describeCallError } from './describe-call-error.ts';

const LEDGER = { name: 'usage-ledger', address: '127.0.0.1:7002', variable: 'LEDGER_ADDR' };

test.each<[ErrorCode, string, string]>([
  [
    'unavailable',
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:7002. Resolution note: ',
    'usage-ledger cannot be reached at 127.0.0.1:7002; is it running? (LEDGER_ADDR)',
  ],
  [
    'unavailable',
    'Name resolution failed for target dns:nowhere:7002',
    'usage-ledger cannot be reached at 127.0.0.1:7002; is it running? (LEDGER_ADDR)',
  ],
  [
    'unavailable',
    'No connection established. Last error: Error: self-signed certificate. Resolution note: ',
    'usage-ledger cannot be reached at 127.0.0.1:7002 (self-signed certificate); is it running? (LEDGER_ADDR)',
  ],
  [
    'unavailable',
    'No connection established. Last error: Protocol error (2026-11-21T06:14:06.673Z). Resolution note: ',
    'usage-ledger cannot be reached at 127.0.0.1:7002 (Protocol error); is it running? (LEDGER_ADDR)',
  ],
  ['unavailable', 'the server is stopping', 'usage-ledger at 127.0.0.1:7002 cannot answer now: the server is stopping'],
  ['deadline_exceeded', 'Deadline exceeded', 'usage-ledger at 127.0.0.1:7002 did not answer in time (LEDGER_ADDR)'],
  [
    'unauthenticated',
    'a service token is needed',
    'usage-ledger at 127.0.0.1:7002 does not accept the service token (SERVICE_TOKEN)',
  ],
  ['not_found', 'no request x is in the books', 'usage-ledger: no request x is in the books'],
  ['internal', 'internal error', 'usage-ledger at 127.0.0.1:7002 failed: internal error'],
])('%s, "%s" is told as a sentence', (code, text, sentence) => {
  expect(describeCallError(new OmgError(code, `/usage_ledger.v1.Usage/GetLog: ${text}`), LEDGER)).toBe(sentence);
});
