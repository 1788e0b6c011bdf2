export type Keyed<T> = readonly [key: string, value: T];

export interface Merged<A, B> {
  readonly key: string;
  readonly left: A | undefined;
  readonly right: B | undefined;
}

/** What two lists have of each key; both rise by the bytes of their keys, as the server sorts, and have each key once. */
export async function* mergeSorted<A, B>(
  left: AsyncIterable<Keyed<A>>,
  right: AsyncIterable<Keyed<B>>,
): AsyncIterable<Merged<A, B>> {
  const [lefts, rights] = [left[Symbol.asyncIterator](), right[Symbol.asyncIterator]()];
  try {
    let [a, b] = [await next(lefts), await next(rights)];
    for (;;) {
      const order = compareKeys(a?.[0], b?.[0]);
      if (order <= 0 && a !== undefined) yield { key: a[0], left: a[1], right: order === 0 ? b?.[1] : undefined };
      else if (b !== undefined) yield { key: b[0], left: undefined, right: b[1] };
      else return;
      // one after the other: both may read in one session
      if (order <= 0) a = await next(lefts);
      if (order >= 0) b = await next(rights);
    }
  } finally {
    await lefts.return?.();
    await rights.return?.();
  }
}

/** Values that follow each other with the same key, together. */
export async function* groupSorted<T>(rows: AsyncIterable<Keyed<T>>): AsyncIterable<Keyed<readonly T[]>> {
  let current: [key: string, values: T[]] | undefined;
  for await (const [key, value] of rows) {
    if (current?.[0] === key) {
      current[1].push(value);
      continue;
    }
    if (current !== undefined) yield current;
    current = [key, [value]];
  }
  if (current !== undefined) yield current;
}

async function next<T>(iterator: AsyncIterator<T>): Promise<T | undefined> {
  const result = await iterator.next();
  return result.done === true ? undefined : result.value;
}

/** What has ended comes last. */
function compareKeys(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
