import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The files below the folder that hold each of the texts; where the stack keeps its own secrets is left out. */
export function searchFiles(folder: string, texts: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>(texts.map((text) => [text, []]));
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (!statSync(path).isFile() || /^(secrets|bootstrap)\.json$/.test(name)) continue;
    const bytes = readFileSync(path);
    for (const [text, names] of found) if (bytes.includes(text)) names.push(name);
  }
  return found;
}
