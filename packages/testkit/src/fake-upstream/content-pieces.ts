const WORDS =
  'the gateway relays every token as it came and counts it once while the upstream keeps its own books'.split(' ');

export interface Piece {
  readonly text: string;
  readonly tokens: number;
}

/** `tokens` words, dealt evenly into `deltas` pieces. */
export function* wordPieces(tokens: number, deltas: number): Generator<Piece> {
  for (let index = 0; index < deltas; index += 1) {
    const from = share(tokens, index, deltas);
    const to = share(tokens, index + 1, deltas);
    let text = '';
    for (let word = from; word < to; word += 1) text += `${word === 0 ? '' : ' '}${WORDS[word % WORDS.length] ?? ''}`;
    yield { text, tokens: to - from };
  }
}

/** The given text in `deltas` pieces that carry `tokens` tokens together; an empty text is one empty piece. */
export function* textPieces(text: string, tokens: number, deltas: number): Generator<Piece> {
  const characters = Array.from(text);
  const count = Math.max(1, Math.min(deltas, characters.length));
  for (let index = 0; index < count; index += 1) {
    const slice = characters.slice(share(characters.length, index, count), share(characters.length, index + 1, count));
    yield { text: slice.join(''), tokens: share(tokens, index + 1, count) - share(tokens, index, count) };
  }
}

function share(total: number, index: number, of: number): number {
  return Math.floor((total * index) / of);
}
