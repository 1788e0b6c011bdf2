import type { Dialect } from './error-answer.ts';

/** `GET /v1/models` as each vendor answers it. */
export function modelsList(dialect: Dialect, models: readonly string[]): unknown {
  if (dialect === 'openai') {
    const data = models.map((id) => ({ id, object: 'model', created: 1_767_225_600, owned_by: 'fake-upstream' }));
    return { object: 'list', data };
  }
  const data = models.map((id) => ({ type: 'model', id, display_name: id, created_at: '2026-01-01T00:00:00Z' }));
  return { data, has_more: false, first_id: models.at(0) ?? null, last_id: models.at(-1) ?? null };
}
