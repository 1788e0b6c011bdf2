import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/** A value that shows itself to nobody: not to JSON, template strings, `inspect` or a logger. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself; call it where it is sent or compared, and keep it nowhere. */
  reveal(): string {
    return this.#value;
  }

  toJSON(): string {
    return REDACTED;
  }

  toString(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
