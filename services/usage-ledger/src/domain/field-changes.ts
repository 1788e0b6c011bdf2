/** What became of a member of something, as text. Empty: there was nothing, or there is nothing. */
export interface FieldChange {
  readonly field: string;
  readonly from: string;
  readonly to: string;
}

/** The members that differ, by the names of `after`. Nothing secret may be among them: this is written down. */
export function fieldChanges(before: object, after: object): readonly FieldChange[] {
  const was = new Map<string, unknown>(Object.entries(before));
  return Object.entries(after).flatMap(([field, value]): FieldChange[] => {
    const [from, to] = [textOf(was.get(field)), textOf(value)];
    return from === to ? [] : [{ field, from, to }];
  });
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  const text = JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? member.toString() : member));
  return text === '[]' || text === '{}' ? '' : text;
}
