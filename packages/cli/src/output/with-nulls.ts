/** A message for programs: what protobuf leaves out or empty is not known, which is null. */
export function withNulls(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, memberWithNulls(member)]));
}

function memberWithNulls(member: unknown): unknown {
  if (member === undefined || member === '') return null;
  if (Array.isArray(member)) return member.map(memberWithNulls);
  return typeof member === 'object' && member !== null && !(member instanceof Date) ? withNulls(member) : member;
}
