import { describe, expect, it } from 'vitest';
import { lastWords } from './last-words.ts';

describe('lastWords', () => {
  it('takes the newest error that mongod names, not the farewell after it', () => {
    const log = [
      '{"t":{"$date":"2026-11-21T05:00:00Z"},"s":"I","c":"CONTROL","id":1,"ctx":"main","msg":"Starting"}',
      '{"t":{"$date":"2026-11-21T05:00:00Z"},"s":"E","c":"CONTROL","id":2,"ctx":"main","msg":"Initialization failed","attr":{"error":"DBPathInUse: locked"}}',
      '{"t":{"$date":"2026-11-21T05:00:00Z"},"s":"I","c":"CONTROL","id":3,"ctx":"main","msg":"Now exiting"}',
    ].join('\n');
    expect(lastWords(log)).toBe('Initialization failed: DBPathInUse: locked');
  });

  it('takes what nats-server calls fatal', () => {
    const log =
      '[7] 2026/11/21 05:00:00.000000 [FTL] Cannot listen\n[7] 2026/11/21 05:00:00.000000 [INF] Server exiting\n';
    expect(lastWords(log)).toBe('Cannot listen');
  });

  it('takes the last line where nothing is an error, and of a cut line what there is', () => {
    expect(lastWords('first\nsecond\n\n')).toBe('second');
    expect(lastWords('{"t":{"$da')).toBe('{"t":{"$da');
    expect(lastWords('')).toBe('');
  });
});
