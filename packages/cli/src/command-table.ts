import type { Command } from './command.ts';
import { backupKeysAdd } from './commands/backup-keys-add.ts';
import { backupKeysDelete } from './commands/backup-keys-delete.ts';
import { backupKeysEdit } from './commands/backup-keys-edit.ts';
import { backupKeysImport } from './commands/backup-keys-import.ts';
import { backupKeysList } from './commands/backup-keys-list.ts';
import { backupKeysRestore } from './commands/backup-keys-restore.ts';
import { bindingsDelete } from './commands/bindings-delete.ts';
import { bindingsList } from './commands/bindings-list.ts';
import { bindingsRepair } from './commands/bindings-repair.ts';
import { bindingsSet } from './commands/bindings-set.ts';
import { logsList } from './commands/logs-list.ts';
import { logsShow } from './commands/logs-show.ts';
import { providersList } from './commands/providers-list.ts';
import { proxiesAdd } from './commands/proxies-add.ts';
import { proxiesCheck } from './commands/proxies-check.ts';
import { proxiesDelete } from './commands/proxies-delete.ts';
import { proxiesDisable } from './commands/proxies-disable.ts';
import { proxiesEdit } from './commands/proxies-edit.ts';
import { proxiesEnable } from './commands/proxies-enable.ts';
import { proxiesImport } from './commands/proxies-import.ts';
import { proxiesList } from './commands/proxies-list.ts';
import { reload } from './commands/reload.ts';
import { status } from './commands/status.ts';
import { upstreamKeysAdd } from './commands/upstream-keys-add.ts';
import { upstreamKeysDelete } from './commands/upstream-keys-delete.ts';
import { upstreamKeysDisable } from './commands/upstream-keys-disable.ts';
import { upstreamKeysEdit } from './commands/upstream-keys-edit.ts';
import { upstreamKeysEnable } from './commands/upstream-keys-enable.ts';
import { upstreamKeysHistory } from './commands/upstream-keys-history.ts';
import { upstreamKeysImport } from './commands/upstream-keys-import.ts';
import { upstreamKeysList } from './commands/upstream-keys-list.ts';
import { upstreamKeysPause } from './commands/upstream-keys-pause.ts';
import { upstreamKeysReset } from './commands/upstream-keys-reset.ts';
import { upstreamKeysRotate } from './commands/upstream-keys-rotate.ts';
import { upstreamKeysShow } from './commands/upstream-keys-show.ts';
import { upstreamKeysStats } from './commands/upstream-keys-stats.ts';
import { upstreamKeysTest } from './commands/upstream-keys-test.ts';
import { version } from './commands/version.ts';

/** In the order of help. */
export const COMMANDS: readonly Command[] = [
  logsList,
  logsShow,
  providersList,
  upstreamKeysList,
  upstreamKeysShow,
  upstreamKeysAdd,
  upstreamKeysImport,
  upstreamKeysEdit,
  upstreamKeysEnable,
  upstreamKeysDisable,
  upstreamKeysPause,
  upstreamKeysReset,
  upstreamKeysRotate,
  upstreamKeysDelete,
  upstreamKeysTest,
  upstreamKeysHistory,
  upstreamKeysStats,
  backupKeysList,
  backupKeysAdd,
  backupKeysImport,
  backupKeysEdit,
  backupKeysRestore,
  backupKeysDelete,
  proxiesList,
  proxiesAdd,
  proxiesImport,
  proxiesEdit,
  proxiesEnable,
  proxiesDisable,
  proxiesCheck,
  proxiesDelete,
  bindingsList,
  bindingsSet,
  bindingsDelete,
  bindingsRepair,
  reload,
  status,
  version,
];
