const CALL_TIMEOUT_MS = 10_000;

export interface AdminCalls {
  /** Rejects with the answer's text when it is not a success. */
  readonly call: (method: string, path: string, body?: unknown) => Promise<Response>;
  readonly json: <T>(method: string, path: string, body?: unknown) => Promise<T>;
}

/** Calls to the administration listener of a fake. */
export function createAdminCalls(adminUrl: string): AdminCalls {
  const call: AdminCalls['call'] = async (method, path, body) => {
    const response = await fetch(new URL(path, adminUrl), {
      method,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  return {
    call,
    json: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const answer: unknown = await (await call(method, path, body)).json();
      // The other side is the same code: its types are the answer's.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return answer as T;
    },
  };
}
