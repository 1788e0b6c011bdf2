import { runOmgIn, type OmgOutcome, type OmgSurroundings } from '@omg/testkit';
import { TOKENS, type AdminWorld } from './accounts-admin.ts';

/** The real command line, asking the real ledger as an operator does. */
export async function askLedgerByOmg(
  { world, ledger }: Pick<AdminWorld, 'world' | 'ledger'>,
  line: string,
  { env = {}, ...given }: Partial<Pick<OmgSurroundings, 'env' | 'stdin'>> = {},
): Promise<OmgOutcome> {
  const own = { LEDGER_ADDR: `127.0.0.1:${ledger.service.grpcPort}`, SERVICE_TOKEN: TOKENS.operator };
  return await runOmgIn({ cwd: world.directory, env: { ...own, ...env }, ...given }, line);
}
