import { classifyUpstreamError, redact, upstreamRequestHeaders, type Dialect } from '@omg/llm-wire';
import { ProxyError } from '@omg/proxy-connect';
import type { KeyTest, KeyTestResult, TestKey } from '../app/upstream-ports.ts';
import type { OutcomeCause } from '../domain/key-event.ts';
import { overriddenCause } from '../domain/provider-registry.ts';
import { postOnce, type PostAnswer } from './post-once.ts';

const TIMEOUT_MS = 30_000;
const MAX_READ_LENGTH = 4_096;
const MAX_MESSAGE_LENGTH = 512;

type Verdict = Pick<KeyTestResult, 'status' | 'cause' | 'message'>;

export const testKey: TestKey = async (test, { timeoutMs = TIMEOUT_MS, signal }) => {
  const startedMs = performance.now();
  const slow = AbortSignal.timeout(timeoutMs);
  const { status, cause, message } = await ask(test, AbortSignal.any([signal, slow])).catch((error: unknown) => {
    signal.throwIfAborted();
    return failure(slow.aborted ? new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError') : error);
  });
  return {
    ok: cause === 'success',
    status,
    cause,
    message: cleaned(message, test),
    latencyMs: Math.round(performance.now() - startedMs),
  };
};

async function ask(test: KeyTest, signal: AbortSignal): Promise<Verdict> {
  const { provider, model, secret: key, proxy, dialect = dialectOf(model) } = test;
  const endpoint = provider[test.endpoint] ?? provider.primary;
  const path = dialect === 'openai' ? endpoint.chatCompletionsPath : endpoint.messagesPath;
  const url = new URL(`${endpoint.baseUrl}${path}`);
  const headers = upstreamRequestHeaders([], { dialect, key, add: { accept: 'application/json' } });
  const post = async (limit: Readonly<Record<string, number>>): Promise<PostAnswer> => {
    const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Say OK.' }], ...limit });
    return await postOnce(url, { headers, body, proxy, signal });
  };
  const answer = await post({ max_tokens: 1 });
  if (dialect === 'anthropic' || !rejectsMaxTokens(answer)) return verdictOn(answer, test);
  // models that refuse the older name think first, and refuse a limit that leaves no room for it
  return verdictOn(await post({ max_completion_tokens: 16 }), test);
}

function dialectOf(model: string): Dialect {
  return model.startsWith('claude') ? 'anthropic' : 'openai';
}

function rejectsMaxTokens({ status, body }: PostAnswer): boolean {
  return (status === 400 || status === 422) && body.includes('max_tokens');
}

function verdictOn({ status, contentType, body }: PostAnswer, { provider }: KeyTest): Verdict {
  if (status >= 200 && status < 300 && isAnswer(body)) return { status, cause: 'success', message: '' };
  // nobody here waits for as long as the answer says
  const { cause, error, isHtml } = classifyUpstreamError({ status, contentType, body, nowMs: 0 });
  const words = [error.type, error.code].filter((word) => word !== undefined);
  const said = error.message ?? (isHtml ? 'a page in HTML' : (words[0] ?? 'nothing that is known'));
  return {
    status,
    cause: overriddenCause(provider, { status, words, message: error.message }) ?? cause,
    message: `the upstream answered ${status}: ${said}`,
  };
}

/** Some relays answer 200 with an error inside. */
function isAnswer(body: Buffer): boolean {
  try {
    const answer: unknown = JSON.parse(body.toString());
    return typeof answer === 'object' && answer !== null && ('choices' in answer || 'content' in answer);
  } catch {
    return false;
  }
}

function failure(error: unknown): Verdict {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
  // several failed addresses have only a code together
  const message = error instanceof Error && error.message !== '' ? error.message : code;
  return { status: 0, cause: causeOf(error), message };
}

function causeOf(error: unknown): OutcomeCause {
  if (error instanceof ProxyError) return error.fault === 'proxy' ? 'proxy_error' : 'connection';
  return error instanceof DOMException && error.name === 'TimeoutError' ? 'timeout' : 'connection';
}

function cleaned(message: string, { secret, proxy }: KeyTest): string {
  const secrets = [secret, proxy?.username, proxy?.password].filter((text) => text !== undefined);
  return redact(message.slice(0, MAX_READ_LENGTH), { secrets }).slice(0, MAX_MESSAGE_LENGTH);
}
