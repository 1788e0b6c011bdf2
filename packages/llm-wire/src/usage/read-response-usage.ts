import type { Dialect } from '../dialect.ts';
import { parseWireError } from '../errors/wire-error.ts';
import type { WireError } from '../errors/wire-error.ts';
import { arrayMember, isJsonObject, objectMember, parseJsonObject, textMember } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import { anthropicUsageReport, parseAnthropicUsage } from './anthropic-usage.ts';
import { openAiUsageReport, parseOpenAiUsage } from './openai-usage.ts';
import type { UsageReport } from './token-buckets.ts';

/** What an answer in one piece says of itself. */
export interface ResponseReport {
  readonly usage: UsageReport | undefined;
  readonly finishReason: string | undefined;
  readonly model: string | undefined;
  readonly serviceTier: string | undefined;
  /** Some upstreams report an error with status 200. */
  readonly error: WireError | undefined;
}

/** Undefined where the body is no JSON object. */
export function readResponseUsage(dialect: Dialect, bytes: Uint8Array): ResponseReport | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  const body = parseJsonObject(text);
  if (body === undefined) return undefined;
  const usage = objectMember(body, 'usage');
  const common = { model: textMember(body, 'model'), error: readError(body) };
  if (dialect === 'anthropic') {
    return {
      ...common,
      usage: usage === undefined ? undefined : anthropicUsageReport(parseAnthropicUsage(usage), true),
      finishReason: textMember(body, 'stop_reason'),
      serviceTier: textMember(usage, 'service_tier'),
    };
  }
  const choice = arrayMember(body, 'choices').find(isJsonObject);
  return {
    ...common,
    usage: usage === undefined ? undefined : openAiUsageReport(parseOpenAiUsage(usage)),
    finishReason: textMember(choice, 'finish_reason'),
    serviceTier: textMember(body, 'service_tier'),
  };
}

function readError(body: JsonObject): WireError | undefined {
  const error = body['error'];
  return error === undefined || error === null ? undefined : parseWireError(body);
}
