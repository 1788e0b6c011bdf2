import type { UsageReport } from '@omg/llm-wire';
import { NO_TOKENS } from './attempt-outcome.ts';
import type { Tokens, UsageSource } from './ports.ts';

export interface Delivered {
  /** The provider's own numbers, as far as they came. */
  readonly usage: UsageReport | undefined;
  /** Events with content that passed. */
  readonly contentDeltas: number;
  /** Of the request. */
  readonly bodyBytes: number;
}

// text in and around English; only used where the provider said nothing of the input
const BYTES_PER_TOKEN = 4;

export interface Delivery {
  readonly tokens: Tokens;
  readonly usageSource: UsageSource;
}

/** What is charged: the provider's numbers, or what passed by, with a label that says which. */
export function deliveredUsage({ usage, contentDeltas, bodyBytes }: Delivered): Delivery {
  if (usage?.final === true) return { tokens: usage.tokens, usageSource: 'provider' };
  if (usage !== undefined) {
    return {
      tokens: { ...usage.tokens, output: Math.max(usage.tokens.output, contentDeltas) },
      usageSource: 'counted',
    };
  }
  if (contentDeltas === 0) return { tokens: NO_TOKENS, usageSource: 'none' };
  return {
    tokens: { ...NO_TOKENS, input: Math.ceil(bodyBytes / BYTES_PER_TOKEN), output: contentDeltas },
    usageSource: 'estimated',
  };
}
