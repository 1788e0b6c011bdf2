import type { InspectColor } from 'node:util';
import type { Level, LogLine } from './log-line.ts';

/** Colours a text, or leaves it as it is where there are no colours. */
export type Paint = (color: InspectColor, text: string) => string;

const LEVEL_COLORS: Readonly<Record<Level, InspectColor>> = {
  trace: 'gray',
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
};
const NAME_COLORS = ['cyan', 'magenta', 'blue', 'cyanBright', 'magentaBright', 'blueBright'] as const;
const LEVEL_WIDTH = 5;
const PLAIN_VALUE = /^[^\s"=]+$/;

/** `HH:MM:SS.mmm name  level message key=value ...`, in local time. */
export function renderLogLine(
  name: string,
  line: LogLine,
  { nameWidth, paint }: { nameWidth: number; paint: Paint },
): string {
  return [
    paint('gray', clockTime(line.timeMs)),
    paint(colorOfName(name), name.padEnd(nameWidth)),
    paint(LEVEL_COLORS[line.level], line.level.padEnd(LEVEL_WIDTH)),
    describeLine(line, paint),
  ].join(' ');
}

/** What a line says, without when and who. */
export function describeLine(line: LogLine, paint: Paint = (_color, text) => text): string {
  const fields = Object.entries(line.fields).map(([key, value]) => ` ${paint('gray', `${key}=`)}${renderValue(value)}`);
  return `${line.message}${fields.join('')}`;
}

/** Errors are shown by their message; the stack is in the log file. */
function renderValue(value: unknown): string {
  const shown = typeof value === 'object' && value !== null && 'message' in value ? value.message : value;
  return typeof shown === 'string' && PLAIN_VALUE.test(shown) ? shown : JSON.stringify(shown);
}

function clockTime(timeMs: number): string {
  const time = new Date(timeMs);
  const [hours, minutes, seconds] = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${hours}:${minutes}:${seconds}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** The same name has the same colour in every run. */
function colorOfName(name: string): InspectColor {
  return NAME_COLORS[Buffer.from(name).reduce((sum, byte) => sum + byte) % NAME_COLORS.length] ?? 'cyan';
}
