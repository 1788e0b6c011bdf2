/** The language a route speaks to its client, and a provider's endpoint to the gateway. */
export type Dialect = 'openai' | 'anthropic';
