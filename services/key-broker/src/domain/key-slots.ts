/** How many requests run on a key at once where nothing else is said of it. */
export const DEFAULT_SLOTS = 50;
