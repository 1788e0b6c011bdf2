import { readFileSync } from 'node:fs';

/** The version in a package.json; `0.0.0` where there is none to be read. */
export function readVersion(packageJson: URL): string {
  try {
    const parsed: unknown = JSON.parse(readFileSync(packageJson, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && 'version' in parsed && typeof parsed.version === 'string') {
      return parsed.version;
    }
  } catch {
    // an image may leave package.json out; a process that cannot tell its version still serves
  }
  return '0.0.0';
}
