class Node {
  readonly keyId: string;
  // one alone is its own neighbour
  previous: Node = this;
  next: Node = this;

  constructor(keyId: string) {
    this.keyId = keyId;
  }
}

/** Keys in strict turn; one that leaves or comes back does not change the turn of the others. */
export class KeyRing {
  readonly #nodes = new Map<string, Node>();
  #last: Node | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  has(keyId: string): boolean {
    return this.#nodes.has(keyId);
  }

  /** It has its turn after all those that are there. */
  add(keyId: string): void {
    if (this.#nodes.has(keyId)) return;
    const node = new Node(keyId);
    const last = this.#last;
    if (last !== undefined) {
      node.previous = last;
      node.next = last.next;
      last.next.previous = node;
      last.next = node;
    }
    this.#last = node;
    this.#nodes.set(keyId, node);
  }

  remove(keyId: string): void {
    const node = this.#nodes.get(keyId);
    if (node === undefined) return;
    this.#nodes.delete(keyId);
    node.previous.next = node.next;
    node.next.previous = node.previous;
    if (this.#last === node) this.#last = this.#nodes.size === 0 ? undefined : node.previous;
  }

  /** The next key in turn that fits; those that do not, lose this turn. */
  next(fits: (keyId: string) => boolean): string | undefined {
    for (let tries = this.#nodes.size; tries > 0; tries -= 1) {
      const node = this.#last?.next;
      if (node === undefined) return undefined;
      this.#last = node;
      if (fits(node.keyId)) return node.keyId;
    }
    return undefined;
  }
}
