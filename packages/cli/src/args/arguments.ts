import { UsageError } from '../failures.ts';

export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** The values of one command line, checked where they are read. */
export class Arguments<Option extends string> {
  readonly #values: OptionValues;
  readonly #operands: readonly string[];

  constructor(values: OptionValues, operands: readonly string[]) {
    this.#values = values;
    this.#operands = operands;
  }

  flag(name: Option): boolean {
    return this.#values[name] === true;
  }

  string(name: Option): string | undefined {
    const value = this.#values[name];
    if (typeof value !== 'string') return undefined;
    if (value === '') throw new UsageError(`--${name} must not be empty`);
    return value;
  }

  integer(name: Option, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${text}"`);
  }

  /** There are as many as the command names. */
  operand(index: number): string {
    const value = this.#operands[index];
    if (value === undefined) throw new RangeError(`the command has no operand ${index}`);
    return value;
  }
}
