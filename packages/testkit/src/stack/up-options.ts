import { parseArgs } from 'node:util';
import { PARTS, type Part } from './parts.ts';

/** What scripts/up was asked for. */
export interface UpOptions {
  readonly fresh: boolean;
  readonly portOffset: number;
  readonly routersPerSite: number;
  readonly parts: readonly Part[];
  readonly bench: boolean;
  readonly restart: boolean;
  /** `data` in the repository unless given. */
  readonly dataDir?: string;
  readonly help: boolean;
}

const MAX_PORT_OFFSET = 50_000;
/** One more would listen on the operations port of the first. */
const MAX_ROUTERS = 100;
const GROUPS: Readonly<Record<string, readonly Part[]>> = {
  fake: ['fake-upstream'],
  routers: ['router-openhands', 'router-ohmygpt'],
};

/** Throws an Error whose message is one sentence for the operator. */
export function parseUpOptions(args: readonly string[]): UpOptions {
  const values = parse(args);
  return {
    fresh: values.fresh,
    portOffset: wholeNumber('--port-offset', values['port-offset'], { min: 0, max: MAX_PORT_OFFSET }),
    routersPerSite: wholeNumber('--routers', values.routers, { min: 1, max: MAX_ROUTERS }),
    parts: values.only === undefined ? PARTS : parseParts(values.only),
    bench: values.bench,
    restart: !values['no-restart'],
    ...(values.data === undefined ? {} : { dataDir: nonEmpty('--data', values.data) }),
    help: values.help,
  };
}

const OPTIONS = {
  fresh: { type: 'boolean', default: false },
  'port-offset': { type: 'string', default: '0' },
  routers: { type: 'string', default: '1' },
  only: { type: 'string' },
  bench: { type: 'boolean', default: false },
  'no-restart': { type: 'boolean', default: false },
  data: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function parse(
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; strict: true }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    // Node's text goes on with advice about positional arguments that would mislead here
    const [problem] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new Error(`${problem}; scripts/up --help lists the options.`, { cause: error });
  }
}

function wholeNumber(name: string, text: string, { min, max }: { readonly min: number; readonly max: number }): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`${name} must be a whole number from ${min} to ${max}, not "${text}".`);
}

function parseParts(text: string): readonly Part[] {
  const names = text.split(',').map((name) => name.trim());
  const asked = new Set(
    names.flatMap((name) => {
      const parts = GROUPS[name] ?? PARTS.filter((part) => part === name);
      if (parts.length > 0) return parts;
      throw new Error(`--only does not know "${name}"; it takes ${[...PARTS, ...Object.keys(GROUPS)].join(', ')}.`);
    }),
  );
  return PARTS.filter((part) => asked.has(part));
}

function nonEmpty(name: string, text: string): string {
  if (text !== '') return text;
  throw new Error(`${name} must not be empty.`);
}
