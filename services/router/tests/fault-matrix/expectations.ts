import { errorEvent } from '@omg/llm-wire';
import type { LeaseCause } from '../../src/app/lease-broker.ts';
import type { SettledRequest } from '../../src/app/ports.ts';
import type { Cell } from './cells.ts';
import type { Cause, Expected, Way } from './faults.ts';

interface Meaning {
  readonly verdict: LeaseCause;
  /** What the client is told when nothing better was found; undefined: what the upstream said. */
  readonly status: Readonly<Record<Way['dialect'], number>> | undefined;
}

const NO_KEY = { openai: 503, anthropic: 529 };
const FAILED = { openai: 502, anthropic: 502 };
const LATE = { openai: 504, anthropic: 504 };

const MEANINGS: Readonly<Record<Cause, Meaning>> = {
  auth: { verdict: 'auth', status: NO_KEY },
  quota: { verdict: 'quota', status: NO_KEY },
  ban: { verdict: 'ban', status: NO_KEY },
  model_denied: { verdict: 'model_denied', status: NO_KEY },
  rate_limited: { verdict: 'rate_limited', status: NO_KEY },
  unattributed_403: { verdict: 'unattributed_403', status: FAILED },
  upstream_error: { verdict: 'upstream_error', status: FAILED },
  request_fault: { verdict: 'request_fault', status: undefined },
  reset: { verdict: 'connection', status: FAILED },
  timeout: { verdict: 'timeout', status: LATE },
  truncated: { verdict: 'upstream_error', status: FAILED },
  malformed: { verdict: 'upstream_error', status: FAILED },
};

/** What the broker hears of an attempt: its first byte, or what it failed of before that. */
export function verdictOf(expected: Expected): LeaseCause {
  if (expected.kind !== 'unseen' || expected.begun === true) return 'success';
  return MEANINGS[expected.cause].verdict;
}

/** @param upstream what the upstream answered last */
export function expectedStatus({ expected, occurs, way }: Cell, upstream: number | null): number {
  if (expected.kind !== 'unseen' || occurs === 'once') return 200;
  return MEANINGS[expected.cause].status?.[way.dialect] ?? upstream ?? 0;
}

const CUT_MESSAGE = 'the upstream broke the answer off; what was delivered is incomplete';

/** The bytes of a stream or an answer that the client gets of the upstream's. */
export function expectedBytes({ expected, way }: Cell, upstream: Buffer, { requestId }: SettledRequest): string {
  const injected = way.dialect === 'openai' && way.stream && !way.asksUsage;
  const text = upstream.toString('utf8');
  const passed = injected ? text.replace(/data: \{[^\n]*"choices":\[\],"usage":\{[^\n]*\}\n\n/, '') : text;
  if (expected.kind !== 'broken' || expected.toldByUpstream === true) return passed;
  return passed + errorEvent(way.dialect, 'upstream_failed', { message: CUT_MESSAGE, requestId }).toString('utf8');
}

/** What is in the books. */
export function expectedRecord(cell: Cell, { bodyBytes, stream, dialect }: SettledRequest): object {
  const { expected, occurs } = cell;
  const none = { input: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };
  const whole = { tokens: { ...none, input: 25, output: 10 }, usageSource: 'provider' };
  if (expected.kind === 'whole' || (expected.kind === 'unseen' && occurs === 'once')) {
    const finishReason = dialect === 'openai' ? 'stop' : 'end_turn';
    return { ...whole, statusCode: 200, success: true, abortReason: '', finishReason };
  }
  if (expected.kind === 'unseen')
    return { success: false, abortReason: '', tokens: { ...none, output: 0 }, usageSource: 'none' };
  const told = { statusCode: 200, success: false, abortReason: expected.cause, stream };
  if (expected.counted === true) return { ...told, ...whole };
  // of the prompt only Anthropic's streams tell in advance
  return dialect === 'anthropic'
    ? { ...told, tokens: { ...none, input: 25, output: 5 }, usageSource: 'counted' }
    : { ...told, tokens: { ...none, input: Math.ceil(bodyBytes / 4), output: 5 }, usageSource: 'estimated' };
}
