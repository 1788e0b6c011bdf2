let next: Promise<void> | undefined;

/**
 * The next turn of the event loop, the same for all who wait for it in this one. Whoever has to go the same way then goes it
 * right behind the others, while what is run and read there is in the processor's caches: under load that is worth far more
 * than the turn costs.
 */
export async function nextTurn(): Promise<void> {
  await (next ??= new Promise((resolve) => {
    setImmediate(() => {
      next = undefined;
      resolve();
    });
  }));
}
