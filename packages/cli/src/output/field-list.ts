const GAP = '  ';

/** Names and values, one pair a line, values below each other. */
export function renderFields(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${GAP}${name.padEnd(width)}${GAP}${value}\n`).join('');
}
