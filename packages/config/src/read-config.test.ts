import { expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { readConfig, type ConfigReader, type Environment } from './read-config.ts';

function faultsOf(environment: Environment, read: (reader: ConfigReader) => unknown): readonly string[] {
  try {
    readConfig(environment, read);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('every fault is named at once, and no value is shown', () => {
  const environment = {
    PORT: '70000',
    MODE: 'fast',
    WAIT: '5 minutes',
    URL: 'ftp://user:hunter2@host',
    FLAG: 'yes',
    ADDR: 'nowhere',
  };
  const faults = faultsOf(environment, (reader) => [
    reader.port('PORT'),
    reader.oneOf('MODE', ['dev', 'prod']),
    reader.durationMs('WAIT'),
    reader.url('URL', ['http', 'https']),
    reader.boolean('FLAG'),
    reader.address('ADDR'),
    reader.secret('TOKEN'),
  ]);
  expect(faults).toEqual([
    'PORT must be a whole number from 0 to 65535',
    'MODE must be one of dev, prod',
    'WAIT must be a duration such as 250ms, 5s, 10m, 24h or 30d',
    'URL must be a URL that begins with http:// or https://',
    'FLAG must be true or false',
    'ADDR must be host:port',
    'TOKEN is not set',
  ]);
});

test('an empty value is none: the default stands, and what has no default is missing', () => {
  expect(readConfig({ NAME: ' ' }, (reader) => reader.string('NAME', 'usual'))).toBe('usual');
  expect(faultsOf({ NAME: '' }, (reader) => reader.string('NAME'))).toEqual(['NAME is not set']);
});

test('values are read as what they are', () => {
  const environment = { N: '-3', L: 'a, b,,c', D: '1.5s', A: '[::1]:80', O: '' };
  const values = readConfig(environment, (reader) => [
    reader.integer('N', { min: -5 }),
    reader.list('L'),
    reader.durationMs('D'),
    reader.address('A'),
    reader.optionalUrl('O', ['http']),
    reader.secrets('L').length,
  ]);
  expect(values).toEqual([-3, ['a', 'b', 'c'], 1_500, '[::1]:80', undefined, 3]);
});

test('a fault that several values show together stops the start as well', () => {
  expect(
    faultsOf({}, (reader) => {
      reader.fault('A and B exclude each other');
    }),
  ).toEqual(['A and B exclude each other']);
});
