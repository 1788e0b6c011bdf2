import { expect, test } from 'vitest';
import { OutcomeBuffer, type LeaseOutcome } from './outcome-buffer.ts';

const outcome = (changes: Partial<LeaseOutcome> = {}): LeaseOutcome => ({
  keyId: 'k',
  generation: 1n,
  endpointName: 'primary',
  proxyId: undefined,
  probe: undefined,
  verdict: { cause: 'success' },
  ...changes,
});

test('equal successes are one; another key, generation, endpoint or proxy is another', () => {
  const buffer = new OutcomeBuffer();
  const different = [{ keyId: 'l' }, { generation: 2n }, { endpointName: 'backup' }, { proxyId: 'p' }].map(outcome);
  for (const one of [outcome(), outcome(), ...different, ...different]) buffer.add(one);
  expect(buffer.drain()).toEqual([outcome(), ...different]);
  expect(buffer.drain()).toEqual([]);
});

test('failures and probes are each told', () => {
  const buffer = new OutcomeBuffer();
  const failure = outcome({ verdict: { cause: 'timeout' } });
  const probe = outcome({ probe: { probeId: 1n } });
  for (const one of [failure, failure, probe, probe]) buffer.add(one);
  expect(buffer.drain()).toHaveLength(4);
});

test('of too many the oldest is forgotten, and it says so', () => {
  const buffer = new OutcomeBuffer();
  const fail = (keyId: string): boolean => buffer.add(outcome({ keyId, verdict: { cause: 'timeout' } }));
  const kept = Array.from({ length: 1_001 }, (_, i) => fail(`k${i}`));
  expect([kept.indexOf(false), kept.length]).toEqual([1_000, 1_001]);
  const keyIds = buffer.drain().map(({ keyId }) => keyId);
  expect([keyIds.length, keyIds[0], keyIds.at(-1)]).toEqual([1_000, 'k1', 'k1000']);
});
