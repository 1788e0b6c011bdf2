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

  /** There are at least as many as the command needs. */
  operand(index: number): string {
    const value = this.#operands[index];
    if (value === undefined) throw new RangeError(`the command has no operand ${index}`);
    return value;
  }

  /** Those from `index` on, each once. */
  operandsFrom(index: number): readonly string[] {
    return [...new Set(this.#operands.slice(index))];
  }

  /** `on` or `off`. */
  onOff(name: Option): boolean | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    if (text === 'on' || text === 'off') return text === 'on';
    throw new UsageError(`--${name} is on or off, not "${text}"`);
  }

  /** Words between commas. */
  list(name: Option): readonly string[] | undefined {
    const words = this.string(name)
      ?.split(',')
      .map((word) => word.trim());
    if (words?.includes('') === true) throw new UsageError(`--${name} has an empty place between its commas`);
    return words;
  }
}
