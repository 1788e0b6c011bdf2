import type { keyAdminV1 } from '@omg/proto-gen';
import { formatTime } from '../output/format.ts';
import type { Column } from '../output/table.ts';

export const BINDING_COLUMNS: readonly Column<keyAdminV1.BindingView>[] = [
  { title: 'KEY', value: ({ keyId }) => keyId },
  { title: 'PROXY', value: ({ proxyId }) => proxyId },
  { title: 'PRIORITY', align: 'right', value: ({ priority }) => String(priority) },
  {
    title: 'STATE',
    value: ({ active, orphaned }) => (orphaned ? 'orphaned' : active ? 'active' : 'off'),
    style: ({ orphaned }) => (orphaned ? 'red' : undefined),
  },
  { title: 'CREATED', value: ({ createdAt }) => formatTime(createdAt), leaveOut: 1 },
  { title: 'CHANGED', value: ({ updatedAt }) => formatTime(updatedAt), leaveOut: 2 },
];
