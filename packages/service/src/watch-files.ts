import { stat } from 'node:fs/promises';
import { ConfigError } from '@omg/config';
import { repeat } from './repeat.ts';

export interface WatchFilesOptions {
  readonly paths: readonly string[];
  readonly everyMs: number;
  /** Once at the beginning, since they may have changed before, and whenever one of them has changed. */
  readonly onChange: () => Promise<void>;
  /** What came of it: a ConfigError ends the matter until the next change, anything else is tried again. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * Looks at files now and then until it is disposed. Not by the system's notices: mounted configuration is changed by
 * turning a link, and network disks give none.
 */
export function watchFiles({ paths, everyMs, onChange, onFailed }: WatchFilesOptions): AsyncDisposable {
  let seen = '';
  const look = async (): Promise<void> => {
    const stamps = (await Promise.all(paths.map(stampOf))).join(' ');
    if (stamps === seen) return;
    seen = stamps;
    try {
      await onChange();
    } catch (error) {
      if (!(error instanceof ConfigError)) seen = '';
      throw error;
    }
  };
  return repeat(everyMs, look, onFailed);
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return [mtimeMs, size, ino].join('/');
  } catch {
    // whoever reads it will say why
    return 'none';
  }
}
