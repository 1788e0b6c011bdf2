import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { readEnvironment } from './environment.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omg-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('the environment wins over .env, and .env over the file', () => {
  const CONFIG_FILE = write('omg.yaml', 'A: file\nB: file\nC: file\nPORT: 8080\nLIST: [x, y]\n');
  const dotEnv = write('.env', 'B=dotenv\nC=dotenv\n');
  expect(readEnvironment({ CONFIG_FILE, C: 'env', D: undefined }, dotEnv)).toEqual({
    CONFIG_FILE,
    A: 'file',
    B: 'dotenv',
    C: 'env',
    PORT: '8080',
    LIST: 'x,y',
  });
});

test('JSON is read as well, and .env may name the file', () => {
  const file = write('omg.json', '{"A": true}');
  expect(readEnvironment({}, write('.env', `CONFIG_FILE=${file}\n`))).toMatchObject({ A: 'true' });
});

test('a file that is broken is not quoted: it may hold a key', () => {
  const CONFIG_FILE = write('broken.yaml', 'TOKEN: sk-hunter2-hunter2\n  BAD: [');
  expect(() => readEnvironment({ CONFIG_FILE }, join(folder, '.env'))).toThrow(
    /neither YAML nor JSON \((?!.*hunter2)/s,
  );
});

test.each([
  ['missing', undefined, /missing\.yaml cannot be read/],
  ['broken', 'A: [', /broken\.yaml is neither YAML nor JSON/],
  ['nested', 'A: {B: 1}', /nested\.yaml: A: /],
  ['lower', 'port: 1', /lower\.yaml: port: /],
])('a %s file is refused by its name', (name, text, message) => {
  const CONFIG_FILE = text === undefined ? join(folder, `${name}.yaml`) : write(`${name}.yaml`, text);
  expect(() => readEnvironment({ CONFIG_FILE }, join(folder, '.env'))).toThrow(ConfigError);
  expect(() => readEnvironment({ CONFIG_FILE }, join(folder, '.env'))).toThrow(message);
});
