import { ConfigError } from './config-error.ts';
import { parseDurationMs } from './duration.ts';
import { Secret } from './secret.ts';

/** Names and values, however they were gathered. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Parse<T> = (text: string) => { readonly value: T } | { readonly fault: string };

/**
 * Reads one value per call and notes what is wrong with it. Without a default a value is required. A faulty value
 * yields a stand-in, so that reading goes on and every fault is found; `readConfig` then throws.
 */
export class ConfigReader {
  readonly #environment: Environment;
  readonly #faults: string[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Notes a fault that only several values together show. */
  fault(text: string): void {
    this.#faults.push(text);
  }

  string(name: string, fallback?: string): string {
    return this.#read(name, fallback, '', (text) => ({ value: text }));
  }

  optionalString(name: string): string | undefined {
    return this.#text(name);
  }

  /** Comma-separated; empty items are dropped. */
  list(name: string, fallback?: readonly string[]): readonly string[] {
    return this.#read(name, fallback, [], (text) => ({ value: splitList(text) }));
  }

  integer(
    name: string,
    options: { readonly min?: number; readonly max?: number; readonly default?: number } = {},
  ): number {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
    return this.#read(name, options.default, min, (text) => {
      const value = Number(text);
      return /^-?\d+$/.test(text) && value >= min && value <= max
        ? { value }
        : { fault: `must be a whole number from ${min} to ${max}` };
    });
  }

  port(name: string, fallback?: number): number {
    return this.integer(name, { max: 65_535, ...(fallback === undefined ? {} : { default: fallback }) });
  }

  boolean(name: string, fallback?: boolean): boolean {
    return this.#read(name, fallback, false, (text) => {
      if (text === 'true' || text === '1') return { value: true };
      if (text === 'false' || text === '0') return { value: false };
      return { fault: 'must be true or false' };
    });
  }

  oneOf<const T extends string>(name: string, allowed: readonly [T, ...T[]], fallback?: T): T {
    return this.#read(name, fallback, allowed[0], (text) => {
      const value = allowed.find((candidate) => candidate === text);
      return value === undefined ? { fault: `must be one of ${allowed.join(', ')}` } : { value };
    });
  }

  durationMs(name: string, fallback?: number): number {
    return this.#read(name, fallback, 0, (text) => {
      const value = parseDurationMs(text);
      return value === undefined ? { fault: 'must be a duration such as 250ms, 5s, 10m, 24h or 30d' } : { value };
    });
  }

  url(name: string, protocols: readonly string[], fallback?: string): string {
    return this.#read(name, fallback, '', (text) => {
      const protocol = URL.canParse(text) ? new URL(text).protocol.slice(0, -1) : undefined;
      return protocol !== undefined && protocols.includes(protocol)
        ? { value: text }
        : { fault: `must be a URL that begins with ${protocols.map((p) => `${p}://`).join(' or ')}` };
    });
  }

  optionalUrl(name: string, protocols: readonly string[]): string | undefined {
    return this.#text(name) === undefined ? undefined : this.url(name, protocols);
  }

  /** `host:port`. */
  address(name: string, fallback?: string): string {
    return this.#read(name, fallback, '', (text) =>
      /^[^\s:/]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i.test(text) ? { value: text } : { fault: 'must be host:port' },
    );
  }

  /** What a file says; its faults are noted like those of values. */
  file<T>(read: () => T, standIn: T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#faults.push(...error.faults);
      return standIn;
    }
  }

  secret(name: string): Secret {
    return new Secret(this.string(name));
  }

  optionalSecret(name: string): Secret | undefined {
    const text = this.#text(name);
    return text === undefined ? undefined : new Secret(text);
  }

  /** A list of secrets, comma-separated. */
  secrets(name: string): readonly Secret[] {
    return splitList(this.#text(name) ?? '').map((item) => new Secret(item));
  }

  #text(name: string): string | undefined {
    const text = this.#environment[name]?.trim();
    return text === '' ? undefined : text;
  }

  #read<T>(name: string, fallback: T | undefined, standIn: T, parse: Parse<T>): T {
    const text = this.#text(name);
    if (text === undefined) {
      if (fallback !== undefined) return fallback;
      this.#faults.push(`${name} is not set`);
      return standIn;
    }
    const parsed = parse(text);
    if ('value' in parsed) return parsed.value;
    // the value itself stays out: it may be a secret in the wrong place
    this.#faults.push(`${name} ${parsed.fault}`);
    return standIn;
  }
}

function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** What `read` makes of the environment; throws a ConfigError that names every fault. */
export function readConfig<T>(environment: Environment, read: (reader: ConfigReader) => T): T {
  const reader = new ConfigReader(environment);
  const config = read(reader);
  if (reader.faults.length > 0) throw new ConfigError(reader.faults);
  return config;
}
