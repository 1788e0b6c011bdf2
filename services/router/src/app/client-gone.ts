import type { ClientGonePolicy } from '../domain/site.ts';
import type { UpstreamResponse } from './upstream.ts';

/** How long an attempt goes on without its client. */
export interface Patience extends Disposable {
  /** Aborts when there is no more point in the upstream's work. */
  readonly over: AbortSignal;
  /** The same answer, which counts what is read of it for nobody. */
  readonly counted: (response: UpstreamResponse) => UpstreamResponse;
}

/** Ends an attempt with its client, or has it go on within bounds so that the provider's own numbers come to the books. */
export function patienceWith(clientGone: AbortSignal, { policy, maxMs, maxBytes }: ClientGonePolicy): Patience {
  if (policy === 'cancel')
    return { over: clientGone, counted: (response) => response, [Symbol.dispose]: () => undefined };
  const over = new AbortController();
  const end = (): void => {
    over.abort(clientGone.reason);
  };
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    timer = setTimeout(end, maxMs);
  };
  if (clientGone.aborted) start();
  else clientGone.addEventListener('abort', start, { once: true });
  async function* counting(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let sizeBytes = 0;
    for await (const chunk of body) {
      if (clientGone.aborted) sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) end();
      yield chunk;
    }
  }
  return {
    over: over.signal,
    counted: (response) => ({ ...response, body: counting(response.body) }),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      clientGone.removeEventListener('abort', start);
    },
  };
}
