/** Why a server ended, as far as its log tells: the newest line of error level or worse, else its last line. */
export function lastWords(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  return lines.map(complaintOf).findLast((complaint) => complaint !== undefined) ?? textOf(lines.at(-1) ?? '');
}

/** mongod's `"s":"E"` or `"F"` that names an error, nats-server's `[ERR]` or `[FTL]`. */
function complaintOf(line: string): string | undefined {
  const nats = /\[(?:ERR|FTL)\] (.*)/.exec(line)?.[1];
  if (nats !== undefined) return nats;
  const entry = parseEntry(line);
  return entry !== undefined && (entry.s === 'E' || entry.s === 'F') && entry.attr?.['error'] !== undefined
    ? textOf(line)
    : undefined;
}

function textOf(line: string): string {
  const entry = parseEntry(line);
  if (entry === undefined) return line.trim();
  const error = entry.attr?.['error'];
  return error === undefined ? entry.msg : `${entry.msg}: ${typeof error === 'string' ? error : JSON.stringify(error)}`;
}

/** mongod's log format since 4.4, as far as it is read here. */
interface LogEntry {
  readonly s: string;
  readonly msg: string;
  readonly attr?: Readonly<Record<string, unknown>>;
}

function parseEntry(line: string): LogEntry | undefined {
  if (!line.startsWith('{"t":')) return undefined;
  try {
    const entry: unknown = JSON.parse(line);
    return isEntry(entry) ? entry : undefined;
  } catch {
    // the last line of a killed process may be cut
    return undefined;
  }
}

function isEntry(value: unknown): value is LogEntry {
  return typeof value === 'object' && value !== null && 's' in value && 'msg' in value && typeof value.msg === 'string';
}
