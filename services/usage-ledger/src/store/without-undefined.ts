/** An undefined value of a filter would be left out by the driver, which is the same, but not for the types. */
export function withoutUndefined(filter: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
