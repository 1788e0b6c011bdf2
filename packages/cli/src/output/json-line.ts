/** One line for programs. Whole numbers that a double would bend are strings; times are ISO 8601 in UTC. */
export function jsonLine(value: object): string {
  return `${JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? toJsonInteger(member) : member))}\n`;
}

function toJsonInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
