import { z } from 'zod';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

/** One line of a process's output, whatever its form was. */
export interface LogLine {
  readonly timeMs: number;
  readonly level: Level;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type OutputForm = 'service' | 'mongo' | 'nats';

export interface RawLine {
  readonly text: string;
  readonly stream: 'stdout' | 'stderr';
  /** When it was read; for lines that carry no time. */
  readonly readAtMs: number;
}

/** The services say `msg`, the fakes `event`. */
const ServiceLine = z.looseObject({
  level: z.enum(LEVELS).default('info'),
  time: z.string(),
  msg: z.string().optional(),
  event: z.string().optional(),
});
const MongoLine = z.looseObject({
  t: z.object({ $date: z.string() }),
  s: z.string(),
  c: z.string(),
  msg: z.string(),
  attr: z.record(z.string(), z.unknown()).optional(),
  tags: z.array(z.string()).optional(),
});
const NATS_LINE = /^\[\d+\] (?<date>\d{4}\/\d\d\/\d\d) (?<time>[\d:.]+) \[(?<level>[A-Z]{3})\] (?<message>.*)$/;

const MONGO_LEVELS: Readonly<Record<string, Level>> = { F: 'fatal', E: 'error', W: 'warn', I: 'info' };
const NATS_LEVELS: Readonly<Record<string, Level>> = { FTL: 'fatal', ERR: 'error', WRN: 'warn', INF: 'info' };
/** Shown by the column of names, or of no use in one's own terminal. */
const KNOWN_FIELDS = new Set(['level', 'time', 'msg', 'event', 'service', 'instance', 'name', 'pid', 'hostname']);

/** Understands the log lines of the three kinds of process; anything else is a message as it stands. */
export function parseLogLine(form: OutputForm, raw: RawLine): LogLine {
  const parsed = PARSERS[form](raw.text);
  return (
    parsed ?? { timeMs: raw.readAtMs, level: raw.stream === 'stderr' ? 'warn' : 'info', message: raw.text, fields: {} }
  );
}

const PARSERS: Readonly<Record<OutputForm, (text: string) => LogLine | undefined>> = {
  service: parseServiceLine,
  mongo: parseMongoLine,
  nats: parseNatsLine,
};

function parseServiceLine(text: string): LogLine | undefined {
  const { data } = ServiceLine.safeParse(parseJson(text));
  const message = data?.msg ?? data?.event;
  if (data === undefined || message === undefined) return undefined;
  const fields = Object.fromEntries(Object.entries(data).filter(([name]) => !KNOWN_FIELDS.has(name)));
  return { timeMs: Date.parse(data.time), level: data.level, message, fields };
}

function parseMongoLine(text: string): LogLine | undefined {
  const { data } = MongoLine.safeParse(parseJson(text));
  if (data === undefined) return undefined;
  // these advise on production hosts, at every start
  const level = data.tags?.includes('startupWarnings') === true ? 'info' : (MONGO_LEVELS[data.s] ?? 'debug');
  return { timeMs: Date.parse(data.t.$date), level, message: `${data.c}: ${data.msg}`, fields: data.attr ?? {} };
}

function parseNatsLine(text: string): LogLine | undefined {
  const { date, time, level, message } = NATS_LINE.exec(text)?.groups ?? {};
  if (date === undefined || time === undefined || level === undefined || message === undefined) return undefined;
  const timeMs = Date.parse(`${date.replaceAll('/', '-')}T${time.slice(0, 'HH:MM:SS.mmm'.length)}`);
  return { timeMs, level: NATS_LEVELS[level] ?? 'debug', message, fields: {} };
}

function parseJson(text: string): unknown {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isAtLeast(level: Level, minimum: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(minimum);
}
