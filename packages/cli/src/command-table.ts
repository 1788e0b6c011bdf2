import type { Command } from './command.ts';
import { logsList } from './commands/logs-list.ts';
import { logsShow } from './commands/logs-show.ts';
import { providersList } from './commands/providers-list.ts';
import { status } from './commands/status.ts';
import { version } from './commands/version.ts';

/** In the order of help. */
export const COMMANDS: readonly Command[] = [logsList, logsShow, providersList, status, version];
