import { describeExit, whyNotRestart } from './restart-policy.ts';
import type { StackDeath } from './stack-options.ts';
import type { Stack } from './start-stack.ts';
import type { Screen } from './screen.ts';

export interface ReviverOptions {
  readonly stack: Stack;
  readonly screen: Screen;
  /** Whether what dies is started again by itself. */
  readonly restart: boolean;
  /** Ends the stack, for this reason. */
  readonly giveUp: (reason: Error) => void;
}

/** Starts again what died, as long as that makes sense. */
export interface Reviver {
  readonly onDeath: (death: StackDeath) => Promise<void>;
  /** Starts whatever is down. */
  readonly reviveAll: () => Promise<void>;
}

export function createReviver({ stack, screen, restart, giveUp }: ReviverOptions): Reviver {
  const restartsMs = new Map<string, number[]>();

  async function revive(name: string, what: string): Promise<void> {
    const startedMs = performance.now();
    try {
      await stack.restart(name);
      screen.say('warn', `${what}; started again in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
    } catch (error) {
      giveUp(error instanceof Error ? error : new Error(String(error)));
    }
  }

  return {
    onDeath: async (death) => {
      const what = `${death.name} ${describeExit(death.exit)}`;
      if (!restart) {
        screen.say('warn', `${what}; it stays down until: kill -USR1 ${process.pid}`);
        return;
      }
      const before = restartsMs.get(death.name) ?? [];
      const nowMs = performance.now();
      const why = whyNotRestart({
        exit: death.exit,
        ranMs: death.ranMs,
        restartAgesMs: before.map((ms) => nowMs - ms),
      });
      if (why !== undefined) {
        giveUp(sentenceOf(death, why));
        return;
      }
      restartsMs.set(death.name, [...before.slice(-10), nowMs]);
      await revive(death.name, what);
    },
    reviveAll: async () => {
      for (const name of stack.names.filter((candidate) => stack.pid(candidate) === undefined))
        await revive(name, `${name} was down`);
    },
  };
}

/** "key-broker ended with exit code 1, 0.4 s after its start." and what it said last. */
export function sentenceOf(death: StackDeath, why: string): Error {
  return new Error([`${death.name} ${describeExit(death.exit)} ${why}.`, ...death.lastWords].join('\n  '));
}
