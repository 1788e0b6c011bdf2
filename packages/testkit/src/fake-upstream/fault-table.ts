import type { Dialect } from './error-answer.ts';
import type { FaultMatch, FaultRule } from './fault-rule.ts';
import { seededRandom } from './ids.ts';
import { layScenario } from './scenario.ts';
import type { Scenario, ScenarioLayer } from './scenario.ts';

/** What a rule can match on. */
export interface RequestFacts {
  readonly key: string | null;
  readonly proxy: string;
  readonly model: string | null;
  readonly path: string;
  readonly dialect: Dialect;
  readonly stream: boolean;
}

/** A rule as the administration lists it. */
export interface FaultRuleStatus {
  readonly id: string;
  readonly rule: FaultRule;
  /** Requests that matched, and those among them that it was applied to. */
  readonly seen: number;
  readonly hits: number;
  /** It will not apply any more: its times, its script or its period are over. */
  readonly spent: boolean;
}

export interface PickedFault {
  readonly ruleId: string;
  readonly scenario: Scenario;
}

interface Entry {
  readonly id: string;
  readonly rule: FaultRule;
  readonly answers: ReadonlyArray<Scenario>;
  readonly matches: (facts: RequestFacts) => boolean;
  readonly random: () => number;
  readonly until: number;
  seen: number;
  hits: number;
}

/** The rules in the order of their coming; the first that matches and still applies decides. */
export class FaultTable {
  readonly #defaults: ScenarioLayer;
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();
  #nextId = 1;

  constructor(defaults: ScenarioLayer, nowMs: () => number) {
    this.#defaults = defaults;
    this.#nowMs = nowMs;
  }

  /** A rule with a known id takes the place of the old one, with its counts at zero. */
  add(rule: FaultRule): string {
    const id = rule.id ?? this.#freeId();
    const answer = rule.fault === undefined ? rule.answer : { fault: rule.fault };
    const layers = rule.script ?? [answer ?? null];
    this.#entries.set(id, {
      id,
      rule,
      answers: layers.map((layer) => layScenario(this.#defaults, layer ?? {})),
      matches: matcher(rule.match),
      random: seededRandom(rule.seed),
      until: rule.forMs === undefined ? Number.POSITIVE_INFINITY : this.#nowMs() + rule.forMs,
      seen: 0,
      hits: 0,
    });
    return id;
  }

  remove(id: string): boolean {
    return this.#entries.delete(id);
  }

  clear(): void {
    this.#entries.clear();
  }

  list(): FaultRuleStatus[] {
    return Array.from(this.#entries.values(), (entry) => ({
      id: entry.id,
      rule: entry.rule,
      seen: entry.seen,
      hits: entry.hits,
      spent: this.#isSpent(entry),
    }));
  }

  pick(facts: RequestFacts): PickedFault | null {
    for (const entry of this.#entries.values()) {
      if (this.#isSpent(entry) || !entry.matches(facts)) continue;
      entry.seen += 1;
      if (entry.seen <= entry.rule.skip || entry.random() >= entry.rule.share) continue;
      const scenario = nextAnswer(entry);
      entry.hits += 1;
      if (scenario !== undefined) return { ruleId: entry.id, scenario };
    }
    return null;
  }

  #isSpent({ rule, hits, until, answers }: Entry): boolean {
    const times = rule.once === true ? 1 : rule.times;
    const scriptOver = rule.script !== undefined && rule.afterScript === 'normal' && hits >= answers.length;
    return scriptOver || (times !== undefined && hits >= times) || this.#nowMs() >= until;
  }

  #freeId(): string {
    let id = '';
    do {
      id = `fault-${this.#nextId}`;
      this.#nextId += 1;
    } while (this.#entries.has(id));
    return id;
  }
}

function nextAnswer({ rule, hits, answers }: Entry): Scenario | undefined {
  return answers[rule.afterScript === 'cycle' ? hits % answers.length : Math.min(hits, answers.length - 1)];
}

function matcher(match: FaultMatch): (facts: RequestFacts) => boolean {
  const key = matchPattern(match.key);
  const proxy = matchPattern(match.proxy);
  const model = matchPattern(match.model);
  const path = matchPattern(match.path, '.*');
  return (facts) =>
    key(facts.key) &&
    proxy(facts.proxy) &&
    model(facts.model) &&
    path(facts.path) &&
    (match.dialect === undefined || match.dialect === facts.dialect) &&
    (match.stream === undefined || match.stream === facts.stream);
}

function matchPattern(pattern: string | string[] | undefined, prefix = ''): (value: string | null) => boolean {
  if (pattern === undefined) return () => true;
  const sources = (Array.isArray(pattern) ? pattern : [pattern]).map((text) =>
    text
      .split('*')
      .map((literal) => RegExp.escape(literal))
      .join('.*'),
  );
  const expression = new RegExp(`^${prefix}(?:${sources.join('|')})$`, 's');
  return (value) => value !== null && expression.test(value);
}
