import { isJsonObject, textMember } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';

/** An error as an upstream said it, in a body or inside a stream; undefined where it said nothing. */
export interface WireError {
  readonly type: string | undefined;
  readonly code: string | undefined;
  readonly param: string | undefined;
  readonly message: string | undefined;
}

/** Reads `{"error":{...}}` in the shape of either dialect, and the looser ones of relays. */
export function parseWireError(body: JsonObject): WireError {
  const error = body['error'];
  if (isJsonObject(error)) {
    const code = error['code'];
    return {
      type: textMember(error, 'type'),
      code: typeof code === 'number' ? String(code) : textMember(error, 'code'),
      param: textMember(error, 'param'),
      message: textMember(error, 'message'),
    };
  }
  const message = typeof error === 'string' ? error : (textMember(body, 'message') ?? textMember(body, 'detail'));
  return { type: undefined, code: undefined, param: undefined, message };
}
