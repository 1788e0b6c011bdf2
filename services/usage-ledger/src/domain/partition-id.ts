const PREFIX = 'accounts-';

/** What the owners of account partitions are registered under. */
export function partitionId(partition: number): string {
  return `${PREFIX}${partition}`;
}

export function partitionOfId(id: string): number {
  return Number(id.slice(PREFIX.length));
}
