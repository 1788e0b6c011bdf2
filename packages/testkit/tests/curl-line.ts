import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';

/** Does what a printed curl line says, as bash reads it; a bare machine has no curl. */
export async function runCurlLine(line: string): Promise<string> {
  const words = execFileSync('bash', ['-c', `curl() { printf '%s\\0' "$@"; }; ${line}`], { encoding: 'utf8' });
  const { values, positionals } = parseArgs({
    args: words.split('\0').slice(0, -1),
    allowPositionals: true,
    options: { header: { type: 'string', short: 'H', multiple: true }, data: { type: 'string', short: 'd' } },
  });
  const headers = new Headers();
  for (const header of values.header ?? []) {
    const colon = header.indexOf(':');
    headers.set(header.slice(0, colon), header.slice(colon + 1).trim());
  }
  const response = await fetch(positionals[0] ?? '', {
    method: 'POST',
    headers,
    body: values.data ?? '',
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}
