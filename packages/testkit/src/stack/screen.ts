import { styleText } from 'node:util';
import { isAtLeast, type Level, type LogLine } from './log-line.ts';
import { renderLogLine, type Paint } from './render-log-line.ts';

const NAME_WIDTH = 'router-openhands-1'.length;
/** What these two say at level info is for their files only. */
const SERVERS = new Set(['mongo', 'nats']);

/** What the operator sees. */
export interface Screen {
  readonly paint: Paint;
  readonly print: (text: string) => void;
  /** A line of a process, where it is worth showing. */
  readonly show: (name: string, line: LogLine) => void;
  /** A line of the supervisor's own. */
  readonly say: (level: Level, message: string) => void;
  /** From now on more is shown than errors. */
  readonly follow: () => void;
}

export function createScreen(output: NodeJS.WriteStream, { quiet }: { readonly quiet: boolean }): Screen {
  // a pipe has no such method; a terminal's own knows NO_COLOR
  const colored = output.isTTY && output.hasColors();
  const paint: Paint = (format, text) => (colored ? styleText(format, text, { validateStream: false }) : text);
  let following = false;
  const print = (text: string): void => void output.write(`${text}\n`);
  const minimumOf = (name: string): Level => {
    // what goes wrong while something starts is told once, when it has failed
    if (!following) return 'error';
    return quiet || SERVERS.has(name) ? 'warn' : 'trace';
  };
  const show = (name: string, line: LogLine): void => {
    if (isAtLeast(line.level, minimumOf(name))) print(renderLogLine(name, line, { nameWidth: NAME_WIDTH, paint }));
  };
  return {
    paint,
    print,
    show,
    say: (level, message) =>
      print(renderLogLine('up', { timeMs: Date.now(), level, message, fields: {} }, { nameWidth: NAME_WIDTH, paint })),
    follow: () => {
      following = true;
    },
  };
}
