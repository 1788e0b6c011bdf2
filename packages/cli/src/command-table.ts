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
import { budgetsClear } from './commands/budgets-clear.ts';
import { budgetsList } from './commands/budgets-list.ts';
import { budgetsSet } from './commands/budgets-set.ts';
import { creditsAdjust } from './commands/credits-adjust.ts';
import { creditsGrant } from './commands/credits-grant.ts';
import { creditsList } from './commands/credits-list.ts';
import { creditsRefund } from './commands/credits-refund.ts';
import { creditsTopUp } from './commands/credits-top-up.ts';
import { creditsVoid } from './commands/credits-void.ts';
import { deadLettersList } from './commands/dead-letters-list.ts';
import { deadLettersReplay } from './commands/dead-letters-replay.ts';
import { deadLettersShow } from './commands/dead-letters-show.ts';
import { importTrollllm } from './commands/import-trollllm.ts';
import { keysCreate } from './commands/keys-create.ts';
import { keysDisable } from './commands/keys-disable.ts';
import { keysEdit } from './commands/keys-edit.ts';
import { keysEnable } from './commands/keys-enable.ts';
import { keysList } from './commands/keys-list.ts';
import { keysRevoke } from './commands/keys-revoke.ts';
import { keysRotate } from './commands/keys-rotate.ts';
import { keysShow } from './commands/keys-show.ts';
import { limitsList } from './commands/limits-list.ts';
import { limitsSet } from './commands/limits-set.ts';
import { logsList } from './commands/logs-list.ts';
import { logsRefused } from './commands/logs-refused.ts';
import { logsShow } from './commands/logs-show.ts';
import { pricesList } from './commands/prices-list.ts';
import { providersList } from './commands/providers-list.ts';
import { proxiesAdd } from './commands/proxies-add.ts';
import { proxiesCheck } from './commands/proxies-check.ts';
import { proxiesDelete } from './commands/proxies-delete.ts';
import { proxiesDisable } from './commands/proxies-disable.ts';
import { proxiesEdit } from './commands/proxies-edit.ts';
import { proxiesEnable } from './commands/proxies-enable.ts';
import { proxiesImport } from './commands/proxies-import.ts';
import { proxiesList } from './commands/proxies-list.ts';
import { reconcile } from './commands/reconcile.ts';
import { reload } from './commands/reload.ts';
import { status } from './commands/status.ts';
import { tenantsActivate } from './commands/tenants-activate.ts';
import { tenantsCreate } from './commands/tenants-create.ts';
import { tenantsEdit } from './commands/tenants-edit.ts';
import { tenantsHistory } from './commands/tenants-history.ts';
import { tenantsList } from './commands/tenants-list.ts';
import { tenantsShow } from './commands/tenants-show.ts';
import { tenantsSuspend } from './commands/tenants-suspend.ts';
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
import { usageMargin } from './commands/usage-margin.ts';
import { usageModels } from './commands/usage-models.ts';
import { usageSeries } from './commands/usage-series.ts';
import { usageSummary } from './commands/usage-summary.ts';
import { version } from './commands/version.ts';

/** In the order of help. */
export const COMMANDS: readonly Command[] = [
  logsList,
  logsShow,
  logsRefused,
  usageSummary,
  usageSeries,
  usageModels,
  usageMargin,
  tenantsList,
  tenantsShow,
  tenantsCreate,
  tenantsEdit,
  tenantsSuspend,
  tenantsActivate,
  tenantsHistory,
  keysList,
  keysShow,
  keysCreate,
  keysEdit,
  keysEnable,
  keysDisable,
  keysRotate,
  keysRevoke,
  creditsList,
  creditsTopUp,
  creditsGrant,
  creditsAdjust,
  creditsRefund,
  creditsVoid,
  limitsList,
  limitsSet,
  budgetsList,
  budgetsSet,
  budgetsClear,
  pricesList,
  importTrollllm,
  reconcile,
  deadLettersList,
  deadLettersShow,
  deadLettersReplay,
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
