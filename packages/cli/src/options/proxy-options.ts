import type { keyAdminV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { CommandContext, OptionSpecs } from '../command.ts';
import { UsageError } from '../failures.ts';
import { parseProxyUrl } from '../import/parse-proxy-url.ts';
import { RowFault } from '../import/row-fault.ts';
import { PASSWORD_SOURCE, readPassword } from './secret-options.ts';

export const PROXY_FIELDS = {
  name: { type: 'string', value: 'NAME', summary: 'what people call it' },
  username: { type: 'string', value: 'USER', summary: 'the user that it is told' },
  ...PASSWORD_SOURCE,
} as const satisfies OptionSpecs;

/** Only what is given. */
export async function readProxyFields(
  context: CommandContext,
  args: Arguments<keyof typeof PROXY_FIELDS>,
): Promise<keyAdminV1.ProxyFields> {
  const password = await readPassword(context, args);
  const given = { name: args.string('name'), username: args.string('username'), password };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Type, host and port; a password in it could be read by others on the machine. */
export function readProxyUrl(text: string): keyAdminV1.ProxyFields {
  try {
    const { username, password, ...address } = parseProxyUrl(text);
    if (username !== undefined || password !== undefined)
      throw new UsageError('the URL must not hold a user or a password: --username, --password-file, --password-env');
    return address;
  } catch (error) {
    if (error instanceof RowFault) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
