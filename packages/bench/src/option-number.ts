/** The number that an option gives; throws an Error whose message is one sentence for whoever called. */
export function atLeast(name: string, text: string, min: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= min && (min < 1 || Number.isInteger(value))) return value;
  throw new Error(`${name} must be a ${min < 1 ? '' : 'whole '}number from ${min} on, not "${text}".`);
}
