interface Holding {
  /** What cannot be taken away. */
  readonly used: number;
  readonly total: number;
}

/** How many buckets each key is to have: as even as what is used allows, and with the fewest moves. */
export function evenQuotas(keys: ReadonlyMap<string, Holding>, buckets: number): ReadonlyMap<string, number> {
  if (keys.size === 0) return new Map();
  // Fill the keys up to one common level, those that use more aside.
  let rest = buckets;
  let sharing = keys.size;
  for (const used of [...keys.values()].map((key) => key.used).toSorted((a, b) => b - a)) {
    if (used * sharing <= rest) break;
    rest -= used;
    sharing -= 1;
  }
  const level = sharing === 0 ? 0 : Math.floor(rest / sharing);
  let extra = sharing === 0 ? 0 : rest - level * sharing;
  const quotas = new Map([...keys].map(([id, { used }]) => [id, Math.max(used, level)]));
  // One more for some: first for those that have it already.
  const below = [...keys].filter(([, { used }]) => used <= level).toSorted(([, a], [, b]) => b.total - a.total);
  for (const [id] of below) {
    if (extra === 0) break;
    quotas.set(id, level + 1);
    extra -= 1;
  }
  return quotas;
}
