import { JsonCursor, JsonFaultError } from './json-cursor.ts';
import type { ByteRange, JsonFaultReason } from './json-cursor.ts';
import { isReachingWord } from './reaching-words.ts';

const BACKSLASH = 92;
const QUOTE = 34;
const OPEN_BRACE = 123;
const OPEN_BRACKET = 91;
const LOWER_F = 102;
const LOWER_N = 110;
const LOWER_T = 116;

/** What the gateway has to know of a request's body. Ranges are of JSON values, quotes included. */
export interface RequestScan {
  readonly model: string | undefined;
  /** Each place where the model stands: more than one only where the body names it twice. */
  readonly modelRanges: readonly ByteRange[];
  readonly stream: boolean;
  readonly streamOptions: StreamOptionsScan | undefined;
  readonly maxTokens: number | undefined;
  readonly maxCompletionTokens: number | undefined;
  /** Answers asked for; all are billed. */
  readonly choices: number;
  readonly promptCacheKey: string | undefined;
  readonly user: string | undefined;
  readonly metadataUserId: string | undefined;
  readonly hasTools: boolean;
  /** It names content that the upstream fetches, or what it runs itself: what it reads is not bounded by the body. */
  readonly reachesOut: boolean;
  /** Anthropic's system prompt. */
  readonly system: ByteRange | undefined;
  /** From the first message to the first one of the user: with `system`, what a conversation keeps. */
  readonly conversationHead: ByteRange | undefined;
  /**
   * Members above that the body names more than once. As with JSON.parse the last one counts; an upstream may see it
   * otherwise, so that a caller who bills by them better refuses the request.
   */
  readonly duplicates: readonly string[];
  readonly isEmpty: boolean;
  /** Where the body's closing brace is. */
  readonly endOffset: number;
}

export interface StreamOptionsScan {
  readonly range: ByteRange;
  /** Undefined where the body has no such member. */
  readonly includeUsage: boolean | undefined;
  readonly includeUsageRange: ByteRange | undefined;
  readonly isEmpty: boolean;
}

/** Why a body cannot be relayed, and where. */
export interface RequestFault {
  readonly reason: JsonFaultReason;
  readonly offset: number;
  /** The member whose type is wrong. */
  readonly member: string | undefined;
}

export type RequestScanResult =
  | { readonly ok: true; readonly scan: RequestScan }
  | { readonly ok: false; readonly fault: RequestFault };

type Draft = { -readonly [K in keyof RequestScan]: RequestScan[K] };

/**
 * Finds the few members that a gateway needs in one pass over the bytes, without building the object. Whatever it
 * accepts is a JSON object to JSON.parse as well, and has the same values.
 */
export function scanRequest(body: Uint8Array): RequestScanResult {
  const draft = emptyDraft();
  const cursor = new JsonCursor(body, (bytes, start, end) => {
    draft.reachesOut ||= isReachingWord(bytes, start, end);
  });
  const seen: string[] = [];
  try {
    if (cursor.peek() !== OPEN_BRACE) cursor.fail('not_an_object');
    cursor.members((range) => {
      draft.isEmpty = false;
      const name = memberName(cursor, range);
      const read = name === undefined ? undefined : readers.get(name);
      if (name === undefined || read === undefined) {
        cursor.skipValue();
        return;
      }
      if (seen.includes(name)) draft.duplicates = [...draft.duplicates, name];
      seen.push(name);
      read(cursor, draft);
    });
    draft.endOffset = cursor.position - 1;
    if (cursor.peek() !== undefined) cursor.fail('trailing_bytes');
  } catch (error) {
    if (!(error instanceof JsonFaultError)) throw error;
    const { reason, offset, message } = error;
    return { ok: false, fault: { reason, offset, member: reason === 'wrong_type' ? message : undefined } };
  }
  return { ok: true, scan: draft };
}

function emptyDraft(): Draft {
  return {
    model: undefined,
    modelRanges: [],
    stream: false,
    streamOptions: undefined,
    maxTokens: undefined,
    maxCompletionTokens: undefined,
    choices: 1,
    promptCacheKey: undefined,
    user: undefined,
    metadataUserId: undefined,
    hasTools: false,
    reachesOut: false,
    system: undefined,
    conversationHead: undefined,
    duplicates: [],
    isEmpty: true,
    endOffset: 0,
  };
}

type Reader = (cursor: JsonCursor, draft: Draft) => void;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['model', readModel],
  ['stream', (cursor, draft) => void (draft.stream = readBoolean(cursor, 'stream') ?? false)],
  ['stream_options', readStreamOptions],
  ['max_tokens', (cursor, draft) => void (draft.maxTokens = readCount(cursor, 'max_tokens'))],
  [
    'max_completion_tokens',
    (cursor, draft) => void (draft.maxCompletionTokens = readCount(cursor, 'max_completion_tokens')),
  ],
  ['n', (cursor, draft) => void (draft.choices = readCount(cursor, 'n') ?? 1)],
  ['prompt_cache_key', (cursor, draft) => void (draft.promptCacheKey = readText(cursor))],
  ['user', (cursor, draft) => void (draft.user = readText(cursor))],
  ['metadata', readMetadata],
  ['tools', readTools],
  ['system', (cursor, draft) => void (draft.system = cursor.skipValue())],
  ['messages', readMessages],
]);

function readModel(cursor: JsonCursor, draft: Draft): void {
  const range = cursor.skipValue();
  const value = scalar(cursor, range);
  if (typeof value !== 'string') wrongType('model', range);
  draft.model = value;
  draft.modelRanges = [...draft.modelRanges, range];
}

function readStreamOptions(cursor: JsonCursor, draft: Draft): void {
  const isObject = cursor.peek() === OPEN_BRACE;
  const start = cursor.position;
  if (!isObject) {
    const range = cursor.skipValue();
    if (scalar(cursor, range) !== null) wrongType('stream_options', range);
    draft.streamOptions = { range, includeUsage: undefined, includeUsageRange: undefined, isEmpty: true };
    return;
  }
  let includeUsage: boolean | undefined;
  let includeUsageRange: ByteRange | undefined;
  let isEmpty = true;
  cursor.members((name) => {
    isEmpty = false;
    if (!isNamed(cursor, name, 'include_usage')) {
      cursor.skipValue();
      return;
    }
    cursor.peek();
    const from = cursor.position;
    includeUsage = readBoolean(cursor, 'stream_options.include_usage') ?? false;
    includeUsageRange = { start: from, end: cursor.position };
  });
  draft.streamOptions = { range: { start, end: cursor.position }, includeUsage, includeUsageRange, isEmpty };
}

function readMetadata(cursor: JsonCursor, draft: Draft): void {
  draft.metadataUserId = undefined;
  if (cursor.peek() !== OPEN_BRACE) {
    cursor.skipValue();
    return;
  }
  cursor.members((name) => {
    if (isNamed(cursor, name, 'user_id')) draft.metadataUserId = readText(cursor);
    else cursor.skipValue();
  });
}

function readTools(cursor: JsonCursor, draft: Draft): void {
  draft.hasTools = false;
  if (cursor.peek() !== OPEN_BRACKET) {
    cursor.skipValue();
    return;
  }
  cursor.elements(() => {
    draft.hasTools = true;
    cursor.skipValue();
  });
}

function readMessages(cursor: JsonCursor, draft: Draft): void {
  draft.conversationHead = undefined;
  if (cursor.peek() !== OPEN_BRACKET) {
    cursor.skipValue();
    return;
  }
  let start = -1;
  let hasUser = false;
  cursor.elements(() => {
    if (start === -1) start = cursor.position;
    if (hasUser || cursor.peek() !== OPEN_BRACE) {
      cursor.skipValue();
      return;
    }
    cursor.members((name) => {
      if (isNamed(cursor, name, 'role')) hasUser = readText(cursor) === 'user';
      else cursor.skipValue();
    });
    if (hasUser) draft.conversationHead = { start, end: cursor.position };
  });
}

/** Undefined for names that are longer than any the gateway looks for. */
function memberName(cursor: JsonCursor, { start, end }: ByteRange): string | undefined {
  // As escapes, a name of 21 characters takes 126 bytes.
  return end - start > 128 ? undefined : text(cursor, start, end);
}

/** As comparing memberName, without a string for each member of each message. */
function isNamed(cursor: JsonCursor, name: ByteRange, expected: string): boolean {
  const { bytes } = cursor;
  const length = name.end - name.start - 2;
  if (length < expected.length) return false;
  for (let i = 0; i < expected.length; i++) {
    const byte = bytes[name.start + 1 + i];
    if (byte === BACKSLASH) return memberName(cursor, name) === expected;
    if (byte !== expected.charCodeAt(i)) return false;
  }
  return length === expected.length;
}

function text({ bytes }: JsonCursor, start: number, end: number): string {
  const inside = bytes.toString('utf8', start + 1, end - 1);
  return inside.includes('\\') ? String(JSON.parse(`"${inside}"`)) : inside;
}

function readText(cursor: JsonCursor): string | undefined {
  const value = scalar(cursor, cursor.skipValue());
  return typeof value === 'string' ? value : undefined;
}

function readBoolean(cursor: JsonCursor, member: string): boolean | undefined {
  const range = cursor.skipValue();
  const value = scalar(cursor, range);
  if (value === null) return undefined;
  return typeof value === 'boolean' ? value : wrongType(member, range);
}

function readCount(cursor: JsonCursor, member: string): number | undefined {
  const range = cursor.skipValue();
  const value = scalar(cursor, range);
  if (value === null) return undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : wrongType(member, range);
}

/** The value of a range that was walked over. Objects and arrays are never what is looked for, and may be large. */
function scalar(cursor: JsonCursor, { start, end }: ByteRange): string | number | boolean | null | undefined {
  switch (cursor.bytes[start]) {
    case OPEN_BRACE:
    case OPEN_BRACKET:
      return undefined;
    case QUOTE:
      return text(cursor, start, end);
    case LOWER_T:
      return true;
    case LOWER_F:
      return false;
    case LOWER_N:
      return null;
    default:
      return Number(cursor.bytes.toString('latin1', start, end));
  }
}

function wrongType(member: string, range: ByteRange): never {
  throw new JsonFaultError('wrong_type', range.start, member);
}
