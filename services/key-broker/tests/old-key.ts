export interface KeyDocument {
  readonly _id: string;
  readonly [name: string]: unknown;
}

/** As the system before this one wrote it. */
export function oldKey(name: string, change: Readonly<Record<string, unknown>> = {}): KeyDocument {
  return {
    _id: name,
    apiKey: `secret-of-${name}`,
    status: 'healthy',
    tokensUsed: 12_345,
    requestsCount: 67,
    lastError: null,
    cooldownUntil: null,
    createdAt: new Date('2025-01-01'),
    lastUsedAt: null,
    isEnabled: true,
    ...change,
  };
}
