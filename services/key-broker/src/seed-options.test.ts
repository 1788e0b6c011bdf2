import { expect, test } from 'vitest';
import { parseSeedOptions, SEED_HELP } from './seed-options.ts';

test('without options only the indexes are made; every option says what it is about', () => {
  expect(parseSeedOptions([])).toEqual({
    provider: 'ohmygpt',
    backup: false,
    file: undefined,
    mongodbUrl: undefined,
    dataDir: undefined,
    dryRun: false,
    help: false,
  });
  const args = ['--provider', 'openhands', '--backup', '--file', 'k', '--mongodb-url', 'u', '--data', 'd', '--dry-run'];
  expect(parseSeedOptions(args)).toEqual({
    provider: 'openhands',
    backup: true,
    file: 'k',
    mongodbUrl: 'u',
    dataDir: 'd',
    dryRun: true,
    help: false,
  });
  for (const name of ['file', 'provider', 'backup', 'dry-run', 'mongodb-url', 'data']) {
    expect(SEED_HELP).toContain(`--${name}`);
  }
});

test.each([
  [['--files', 'x'], /^Unknown option '--files'; scripts\/seed --help/],
  [['keys.txt'], /keys\.txt.*; scripts\/seed --help/],
  [['--file', ''], /^--file must not be empty/],
  [['--backup'], /--file is missing/],
])('%j is refused in a sentence', (args, sentence) => {
  expect(() => parseSeedOptions(args)).toThrow(sentence);
});
