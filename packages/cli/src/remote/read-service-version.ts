const TIMEOUT_MS = 2_000;

/** What `/version` of a service's operations listener says, as `0.1.0 (abbf5e7)`; nothing where it cannot be asked. */
export async function readServiceVersion(opsUrl: string | undefined, signal: AbortSignal): Promise<string | undefined> {
  if (opsUrl === undefined) return undefined;
  try {
    const response = await fetch(new URL('/version', opsUrl), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return response.ok ? parseVersion(await response.json()) : undefined;
  } catch {
    return undefined;
  }
}

function parseVersion(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('version' in answer) || typeof answer.version !== 'string')
    return undefined;
  const commit = 'commit' in answer && typeof answer.commit === 'string' ? ` (${answer.commit})` : '';
  return `${answer.version}${commit}`;
}
