/** How far reading is behind the stream when a list is charged. */
export interface Behind {
  /** Messages that wait in the stream. */
  readonly messages: number;
  /** Since the stream stored what was charged last. */
  readonly ageMs: number;
}

/** How many messages wait to be charged, by partition: what can wait itself gives way to them. */
export class Backlog {
  readonly #messages = new Map<number, number>();

  set(partition: number, messages: number): void {
    this.#messages.set(partition, messages);
  }

  /** The partition is another process' business. */
  leave(partition: number): void {
    this.#messages.delete(partition);
  }

  get messages(): number {
    return this.#messages.values().reduce((sum, count) => sum + count, 0);
  }
}
