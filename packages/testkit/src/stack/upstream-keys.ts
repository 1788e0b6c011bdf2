import type { Environment } from '@omg/config';

/** The keys of a real upstream that a variable names, separated by commas. */
export function keysOf(environment: Environment, name: string): readonly string[] {
  return (environment[name] ?? '')
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
}
