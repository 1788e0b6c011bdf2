import { once } from 'node:events';
import { styleText } from 'node:util';

export type Style = 'bold' | 'red' | 'green';

/** Where a command writes: results to stdout, everything else to stderr. */
export interface Terminal {
  /** Unknown where the output is no terminal: nothing is left out then. */
  readonly columns: number | undefined;
  /** Colours where the output shows them and NO_COLOR does not forbid it. */
  paint: (style: Style, text: string) => string;
  /** Waits for a slow reader. */
  write: (text: string) => Promise<void>;
  note: (text: string) => void;
  /** A line on a terminal's stderr that the next one overwrites; '' takes it away. */
  progress: (text: string) => void;
}

export function createTerminal(output: NodeJS.WriteStream, errors: NodeJS.WriteStream): Terminal {
  return {
    columns: output.isTTY ? output.columns : undefined,
    paint: (style, text) => styleText(style, text, { stream: output }),
    write: async (text) => {
      if (!output.write(text)) await once(output, 'drain');
    },
    note: (text) => {
      errors.write(`${text}\n`);
    },
    progress: (text) => {
      if (errors.isTTY) errors.write(`\r\u001B[K${text}`);
    },
  };
}
