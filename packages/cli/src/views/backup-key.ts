import type { keyAdminV1 } from '@omg/proto-gen';
import { NOTHING, formatRelative, formatTime } from '../output/format.ts';
import type { Column } from '../output/table.ts';

type BackupKeyView = keyAdminV1.BackupKeyView;

export function backupKeyColumns(nowMs: number): readonly Column<BackupKeyView>[] {
  return [
    { title: 'BACKUP KEY', value: ({ keyId }) => keyId },
    { title: 'SECRET', value: ({ maskedKey }) => maskedKey, leaveOut: 3 },
    { title: 'STATE', value: stateOf, style: ({ used }) => (used ? undefined : 'green') },
    { title: 'USED FOR', value: ({ usedFor }) => usedFor || NOTHING },
    { title: 'USED', value: ({ usedAt }) => formatRelative(usedAt, nowMs) },
    { title: 'DELETED', value: ({ deletedAt }) => formatRelative(deletedAt, nowMs) },
    { title: 'FAILOVER', value: failoverOf, leaveOut: 2 },
    { title: 'CREATED', value: ({ createdAt }) => formatTime(createdAt), leaveOut: 1 },
  ];
}

function stateOf({ used, activated }: BackupKeyView): string {
  if (!used) return 'unused';
  // its rotation was interrupted and will be completed
  return activated ? 'used' : 'being used';
}

function failoverOf({ enableFailover }: BackupKeyView): string {
  if (enableFailover === undefined) return 'as the key';
  return enableFailover ? 'on' : 'off';
}
