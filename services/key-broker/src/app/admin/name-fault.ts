const NAME = /^[A-Za-z0-9._:-]{1,128}$/;

/** What is wrong with the name of a key or a proxy, in words. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'it has no name';
  return NAME.test(name) ? undefined : 'its name must be 1 to 128 of: letters, digits, and . _ : -';
}
