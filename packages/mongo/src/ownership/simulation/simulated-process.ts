import type { Instant } from '../instant.ts';
import { initialState, isOut, stepOwnership, type OwnershipCommand, type OwnershipInput } from '../ownership-state.ts';
import { ownedTerm, type FenceResult, type SlotEvent } from '../slot.ts';
import { CALL_MS, LOOK_EVERY_MS } from '../timing.ts';
import type { SimulatedMongod } from './simulated-mongod.ts';
import type { SimulatedWorld } from './simulated-world.ts';

const BLOCKED_MS = 500;

/** Something that an owner does by itself, without asking the server. */
export interface Act {
  readonly id: string;
  readonly term: number;
  readonly holder: string;
  readonly atMs: number;
}

export interface Network {
  readonly delayMs: readonly [from: number, to: number];
  readonly lossProbability: number;
}

export interface SimulatedProcessOptions {
  readonly world: SimulatedWorld;
  readonly mongod: SimulatedMongod;
  readonly holder: string;
  readonly ids: readonly string[];
  readonly clock: { readonly rate: number; readonly offsetMs: number };
  readonly network: () => Network;
  readonly onAct: (act: Act) => void;
  readonly onReleased: (id: string, term: number) => void;
}

/** The pure core with a process around it that stops, dies, waits for answers and works. */
export class SimulatedProcess {
  readonly holder: string;
  isAlive = true;
  isCutOff = false;
  wallJumpMs = 0;
  readonly #options: SimulatedProcessOptions;
  #state;
  #isPaused = false;
  readonly #inbox: (() => void)[] = [];
  readonly #sessions = new Map<string, { readonly lsid: string; readonly toEnd: readonly string[] }>();
  readonly #working = new Set<string>();
  #sessionNumber = 0;

  constructor(options: SimulatedProcessOptions) {
    this.#options = options;
    this.holder = options.holder;
    this.#state = initialState(options.holder, options.ids);
    this.#tick();
  }

  get isOut(): boolean {
    return isOut(this.#state);
  }

  owns(id: string): boolean {
    return this.isAlive && ownedTerm(this.#state.slots.get(id), this.#now()) !== undefined;
  }

  owned(): readonly string[] {
    return this.#options.ids.filter((id) => this.owns(id));
  }

  leave(): void {
    this.#here(() => {
      this.#feed({ type: 'leave' });
    });
  }

  kill(): void {
    this.isAlive = false;
  }

  pause(ms: number): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#options.world.after(ms, () => {
      this.#isPaused = false;
      // what piled up comes in any order
      while (this.#inbox.length > 0) {
        const [next] = this.#inbox.splice(Math.floor(this.#options.world.between(0, this.#inbox.length)), 1);
        if (next !== undefined) this.#here(next);
      }
    });
  }

  #here(happen: () => void): void {
    if (!this.isAlive) return;
    if (this.#isPaused) this.#inbox.push(happen);
    else happen();
  }

  #now(): Instant {
    const { clock, world } = this.#options;
    const monotonicMs = world.nowMs * clock.rate;
    return { monotonicMs, wallMs: monotonicMs + clock.offsetMs + this.wallJumpMs };
  }

  #tick(): void {
    this.#options.world.after(LOOK_EVERY_MS, () => {
      this.#here(() => {
        this.#feed({ type: 'tick' });
        this.#tick();
      });
    });
  }

  #feed(event: OwnershipInput): void {
    const { state, commands } = stepOwnership(this.#state, event, this.#now());
    this.#state = state;
    for (const command of commands) this.#run(command);
  }

  #feedSlot(id: string, event: SlotEvent): void {
    this.#feed({ type: 'slot', id, event });
  }

  /** One answer, or undefined after the deadline; what came later is not heard. */
  #call<T>(serve: () => T | 'blocked', answered: (answer: T | undefined) => void): void {
    const { world, network } = this.#options;
    let isOver = false;
    const answer = (value: T | undefined): void => {
      this.#here(() => {
        if (isOver) return;
        isOver = true;
        answered(value);
      });
    };
    const isLost = (): boolean => this.isCutOff || world.happensWith(network().lossProbability);
    const serveAt = (startedMs: number): void => {
      const value = serve();
      if (value === 'blocked') {
        if (world.nowMs - startedMs < BLOCKED_MS)
          world.after(20, () => {
            serveAt(startedMs);
          });
        return;
      }
      if (!isLost())
        world.after(world.between(...network().delayMs), () => {
          answer(value);
        });
    };
    if (!isLost())
      world.after(world.between(...network().delayMs), () => {
        serveAt(world.nowMs);
      });
    world.after(CALL_MS, () => {
      answer(undefined);
    });
  }

  #run(command: OwnershipCommand): void {
    const { mongod } = this.#options;
    const { holder } = this;
    switch (command.type) {
      case 'look':
        this.#call(
          () => mongod.look(holder, command.beat),
          (view) => {
            this.#feed({ type: 'looked', view });
          },
        );
        return;
      case 'resign':
        this.#call(
          () => {
            mongod.resign(holder);
            return true;
          },
          () => {},
        );
        return;
      case 'claim': {
        const { id, term } = command;
        const lsid = `${holder}/${(this.#sessionNumber += 1)}`;
        this.#call(
          () => ({ lsids: mongod.claim(id, { holder, lsid }, command) }),
          (answer) => {
            if (answer?.lsids !== undefined) this.#sessions.set(id, { lsid, toEnd: answer.lsids });
            this.#feedSlot(id, { type: 'claim_answered', term, won: answer?.lsids !== undefined });
          },
        );
        return;
      }
      case 'take_over':
        this.#takeOver(command.id, command.term);
        return;
      case 'renew': {
        const { id, term, settled } = command;
        const lsid = this.#sessions.get(id)?.lsid;
        this.#call(
          () => mongod.renew(id, holder, { term, ...(settled && lsid !== undefined && { lsid }) }),
          (kept) => {
            const result = kept === undefined ? 'unknown' : kept ? 'kept' : 'refused';
            this.#feedSlot(id, { type: 'renewal_answered', term, result });
          },
        );
        return;
      }
      case 'release': {
        const { id, term } = command;
        this.#call(
          () => {
            if (mongod.release(id, holder, term)) this.#options.onReleased(id, term);
            return true;
          },
          () => {
            this.#feedSlot(id, { type: 'release_answered', term });
          },
        );
        return;
      }
      case 'start':
        this.#working.add(`${command.id}/${command.term}`);
        this.#work(command.id, command.term);
        return;
      case 'stop':
        this.#working.delete(`${command.id}/${command.term}`);
        if (command.reason === 'lost') this.#abort(command.id);
        return;
      case 'drop':
        this.#sessions.delete(command.id);
    }
  }

  #takeOver(id: string, term: number): void {
    const { mongod } = this.#options;
    const answered = (result: FenceResult): void => {
      this.#feedSlot(id, { type: 'fence_answered', term, result });
    };
    const toEnd = this.#sessions.get(id)?.toEnd ?? [];
    this.#call(
      () => {
        mongod.killSessions(toEnd);
        return true;
      },
      (ended) => {
        if (ended === undefined) {
          answered('unknown');
          return;
        }
        this.#call(
          () => mongod.writeFence(id, this.holder, term),
          (result) => {
            answered(result ?? 'unknown');
          },
        );
      },
    );
  }

  #abort(id: string): void {
    const lsid = this.#sessions.get(id)?.lsid ?? '';
    this.#call(
      () => {
        this.#options.mongod.killSessions([lsid]);
        return true;
      },
      () => {},
    );
  }

  /** The work loop: renew, act, change the fence, think, commit. */
  #work(id: string, term: number): void {
    const { mongod, world, onAct } = this.#options;
    const { holder } = this;
    const again = (ms: number): void => {
      world.after(ms, () => {
        this.#here(() => {
          this.#work(id, term);
        });
      });
    };
    if (!this.#working.has(`${id}/${term}`)) {
      this.#feedSlot(id, { type: 'work_ended', term });
      return;
    }
    this.#feedSlot(id, { type: 'renewal_due', term });
    const lsid = this.#sessions.get(id)?.lsid;
    if (lsid === undefined || !this.#isMine(id, term)) {
      again(1);
      return;
    }
    onAct({ id, term, holder, atMs: world.nowMs });
    this.#call(
      () => mongod.changeFence(id, { holder, lsid }, term),
      (changed) => {
        if (changed === 'moved') this.#feedSlot(id, { type: 'renewal_answered', term, result: 'refused' });
        if (changed !== 'done') {
          again(50);
          return;
        }
        world.after(world.between(0, 100), () => {
          this.#here(() => {
            // the check and the commit are two things: a pause between them is what the fence is for
            this.#call(
              () => mongod.commit(id, lsid),
              () => {
                again(world.between(50, 500));
              },
            );
          });
        });
      },
    );
  }

  #isMine(id: string, term: number): boolean {
    return ownedTerm(this.#state.slots.get(id), this.#now()) === term;
  }
}
