import type { Dialect } from '@omg/llm-wire';
import { GatewayFailure } from '../app/gateway-failure.ts';
import { findModel, type Model } from '../domain/site.ts';

const OWNER = 'omg';
/** When a model came out is not known here; this is how both vendors write that. */
const EPOCH = new Date(0).toISOString();

export interface ModelsQuery {
  readonly limit?: unknown;
  readonly before_id?: unknown;
  readonly after_id?: unknown;
}

/** The list of models as a dialect writes it: Anthropic's in pages, OpenAI's whole. */
export function modelsAnswer(dialect: Dialect, models: readonly Model[], query: ModelsQuery): object {
  if (dialect === 'openai') return { object: 'list', data: models.map((model) => modelOf(dialect, model)) };
  const { page, hasMore } = pageOf(models, query);
  return {
    data: page.map((model) => modelOf(dialect, model)),
    has_more: hasMore,
    first_id: page.at(0)?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

/** One of them, by its id or an alias; throws a GatewayFailure where there is none. */
export function modelAnswer(dialect: Dialect, models: readonly Model[], name: string): object {
  const model = findModel({ models }, name);
  if (model === undefined)
    throw new GatewayFailure('model_not_found', `the model ${JSON.stringify(name)} does not exist here`);
  return modelOf(dialect, model);
}

function modelOf(dialect: Dialect, { id, displayName = id, contextWindow, maxOutputTokens }: Model): object {
  if (dialect === 'openai') return { id, object: 'model', created: 0, owned_by: OWNER };
  return {
    type: 'model',
    id,
    display_name: displayName,
    created_at: EPOCH,
    max_input_tokens: contextWindow ?? null,
    max_tokens: maxOutputTokens ?? null,
  };
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;

interface Page {
  readonly page: readonly Model[];
  readonly hasMore: boolean;
}

function pageOf(models: readonly Model[], query: ModelsQuery): Page {
  const limit = limitOf(query);
  const before = placeOf(models, 'before_id', query);
  const after = placeOf(models, 'after_id', query);
  if (before !== undefined && after !== undefined)
    throw new GatewayFailure('bad_request', 'before_id and after_id exclude each other');
  if (before === undefined) {
    const start = after === undefined ? 0 : after + 1;
    return { page: models.slice(start, start + limit), hasMore: start + limit < models.length };
  }
  const start = Math.max(0, before - limit);
  return { page: models.slice(start, before), hasMore: start > 0 };
}

function limitOf({ limit = String(DEFAULT_LIMIT) }: ModelsQuery): number {
  const value = typeof limit === 'string' && /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (value < 1 || value > MAX_LIMIT)
    throw new GatewayFailure('bad_request', `limit must be a whole number from 1 to ${MAX_LIMIT}`);
  return value;
}

function placeOf(
  models: readonly Model[],
  cursor: 'before_id' | 'after_id',
  { [cursor]: value }: ModelsQuery,
): number | undefined {
  if (value === undefined) return undefined;
  const place = models.findIndex(({ id }) => id === value);
  if (place === -1) throw new GatewayFailure('bad_request', `${cursor} names no model of this list`);
  return place;
}
