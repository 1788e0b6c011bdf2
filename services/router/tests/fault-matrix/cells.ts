import { FAULTS, type Moment, type Struck, type Way } from './faults.ts';

/** `once`: the next attempt is answered. `always`: every attempt meets it. */
export type Occurrence = 'once' | 'always';

export interface Cell extends Struck {
  readonly name: string;
  readonly way: Way;
  readonly occurs: Occurrence;
}

interface LeftOut {
  readonly moment: Moment;
  readonly reason: string;
  /** Each once for every way that it is left out in. */
  readonly faults: string[];
}

interface Cells {
  readonly byFault: ReadonlyMap<string, readonly Cell[]>;
  readonly count: number;
  readonly leftOut: readonly LeftOut[];
}

const MOMENTS: readonly Moment[] = ['before the headers', 'before the first token', 'in the middle'];
const WAYS: readonly Way[] = [
  { dialect: 'openai', stream: false, asksUsage: false },
  { dialect: 'openai', stream: true, asksUsage: false },
  { dialect: 'openai', stream: true, asksUsage: true },
  { dialect: 'anthropic', stream: false, asksUsage: false },
  { dialect: 'anthropic', stream: true, asksUsage: false },
];

/** Every fault, at every moment, in every way; those that cannot be have a reason. */
export function makeCells(): Cells {
  const byFault = new Map<string, Cell[]>();
  const leftOut = new Map<string, LeftOut>();
  for (const [fault, strike] of FAULTS) {
    const cells: Cell[] = [];
    byFault.set(fault, cells);
    for (const moment of MOMENTS) {
      for (const way of WAYS) {
        const struck = strike(moment, way);
        if (typeof struck !== 'string') {
          for (const occurs of occurrencesOf(struck))
            cells.push({ ...struck, name: `${nameOf(way)}, ${moment}, ${occurs}`, way, occurs });
          continue;
        }
        const left = leftOut.get(moment + struck) ?? { moment, reason: struck, faults: [] };
        left.faults.push(`${fault} (${nameOf(way)})`);
        leftOut.set(moment + struck, left);
      }
    }
  }
  const count = [...byFault.values()].reduce((sum, cells) => sum + cells.length, 0);
  return { byFault, count, leftOut: [...leftOut.values()] };
}

/** What cannot be tried again, or need not, is the same whether it would happen again. */
function occurrencesOf({ expected }: Struck): readonly Occurrence[] {
  return expected.kind === 'unseen' && expected.cause !== 'request_fault' ? ['once', 'always'] : ['always'];
}

function nameOf({ dialect, stream, asksUsage }: Way): string {
  return `${dialect}${stream ? ' stream' : ''}${asksUsage ? ' with usage' : ''}`;
}
