import { RowFault } from './row-fault.ts';

/** The members of one JSON object; each reader refuses what is not of its type, null is as good as absent. */
export class Members {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: object, known: readonly string[]) {
    this.#values = Object.fromEntries(Object.entries(values));
    const unknown = Object.keys(this.#values).filter((name) => !known.includes(name));
    if (unknown.length > 0) throw new RowFault(`there is no ${unknown.join(', ')}; it may have ${known.join(', ')}`);
  }

  string(name: string): string | undefined {
    return this.#read(name, 'a text', (value) => typeof value === 'string');
  }

  boolean(name: string): boolean | undefined {
    return this.#read(name, 'true or false', (value) => typeof value === 'boolean');
  }

  integer(name: string, max: number): number | undefined {
    const isFitting = (value: unknown): value is number =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max;
    return this.#read(name, 'a whole number', isFitting);
  }

  strings(name: string): readonly string[] | undefined {
    const isList = (value: unknown): value is readonly string[] =>
      Array.isArray(value) && value.every((element) => typeof element === 'string');
    return this.#read(name, 'a list of texts', isList);
  }

  #read<T>(name: string, what: string, fits: (value: unknown) => value is T): T | undefined {
    const value = this.#values[name] ?? undefined;
    if (value === undefined || fits(value)) return value;
    throw new RowFault(`${name} must be ${what}`);
  }
}
