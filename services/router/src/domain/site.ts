import { DEFAULT_BOUNDS, type ModelBounds } from '@omg/pricing';
import type { RetryPolicy } from './retry-policy.ts';

/** A model as a site serves it. */
export interface Model {
  readonly id: string;
  readonly aliases: readonly string[];
  /** What the upstream calls it. */
  readonly upstream: string;
  /** What people read. */
  readonly displayName?: string | undefined;
  readonly maxOutputTokens?: number | undefined;
  /** Tokens of input and output together. */
  readonly contextWindow?: number | undefined;
}

/** What the model can take and give at most; where the site does not say, what most can. */
export function boundsOf({ maxOutputTokens, contextWindow }: Model): ModelBounds {
  return {
    maxOutputTokens: maxOutputTokens ?? DEFAULT_BOUNDS.maxOutputTokens,
    contextWindow: contextWindow ?? DEFAULT_BOUNDS.contextWindow,
  };
}

export interface Deadlines {
  readonly connectMs: number;
  readonly headersMs: number;
  readonly headersNotStreamingMs: number;
  /** Of a stream, from the sending of the request to the first content; pings do not count. */
  readonly firstTokenMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
  readonly totalNotStreamingMs: number;
}

/** Whether upstreams are reached through proxies: as leases say, never without, or never through one. */
export type ProxyUse = 'allowed' | 'required' | 'none';

/** What becomes of an upstream's work whose client has left. */
export interface ClientGonePolicy {
  /** `drain`: it is read on for the provider's numbers. */
  readonly policy: 'cancel' | 'drain';
  /** Of draining, from the client's leaving on. */
  readonly maxMs: number;
  readonly maxBytes: number;
}

export interface Site {
  readonly name: string;
  readonly provider: string;
  readonly port: number;
  readonly models: readonly Model[];
  readonly deadlines: Deadlines;
  /** How long a stream that has begun is silent before its client gets a sign of life. */
  readonly heartbeatMs: number;
  readonly retry: RetryPolicy;
  readonly onClientGone: ClientGonePolicy;
  readonly maxBodyBytes: number;
  /** With more open at once the router wants no others. */
  readonly maxOpenStreams: number;
  /** Undefined: the client's own. */
  readonly userAgent: string | undefined;
  /** For requests that go up, beside the client's. */
  readonly addHeaders: Readonly<Record<string, string>>;
  readonly proxies: ProxyUse;
  /** Whose pages may call. */
  readonly corsOrigins: readonly string[];
}

/** All that a model goes by. */
export function namesOf({ id, aliases }: Model): readonly string[] {
  return [id, ...aliases];
}

/** The model that a client names, by its id or an alias. */
export function findModel({ models }: Pick<Site, 'models'>, name: string): Model | undefined {
  return models.find(({ id, aliases }) => id === name || aliases.includes(name));
}
