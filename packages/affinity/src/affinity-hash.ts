/**
 * 32 well-mixed bits of a conversation's key within a scope (the client key or service that it belongs to): whoever
 * chooses keys can only make conversations of its own meet. FNV-1a, whose low bits alone are weak, so they are mixed.
 */
export function affinityHash(scope: string, key: string): number {
  let hash = fold(0x811c9dc5, scope);
  // a unit that no text has: ('a', 'bc') is not ('ab', 'c')
  hash = Math.imul(hash ^ 0x1_0000, 0x01000193);
  hash = fold(hash, key);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function fold(hash: number, text: string): number {
  let folded = hash;
  // by code unit: as good as by byte, without encoding it first
  for (let i = 0; i < text.length; i += 1) folded = Math.imul(folded ^ text.charCodeAt(i), 0x01000193);
  return folded;
}
