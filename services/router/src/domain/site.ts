import { DEFAULT_BOUNDS, type ModelBounds } from './reservation.ts';

/** A model as a site serves it. */
export interface Model {
  readonly id: string;
  readonly aliases: readonly string[];
  /** What the upstream calls it. */
  readonly upstream: string;
  readonly maxOutputTokens?: number | undefined;
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
  readonly idleMs: number;
  readonly totalMs: number;
  readonly totalNotStreamingMs: number;
}

export interface Site {
  readonly name: string;
  readonly provider: string;
  readonly models: readonly Model[];
  readonly deadlines: Deadlines;
  readonly maxBodyBytes: number;
}

/** The model that a client names, by its id or an alias. */
export function findModel(site: Site, name: string): Model | undefined {
  return site.models.find(({ id, aliases }) => id === name || aliases.includes(name));
}
