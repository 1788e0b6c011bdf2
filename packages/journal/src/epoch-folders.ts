import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, listenAlive } from './alive-socket.ts';
import { JournalError, systemCode, toJournalError } from './journal-error.ts';

/*
 * `<epoch>` is the folder of that process's own journal; `<epoch>@<adopter>` the one of a dead epoch that another
 * process works off. A folder may be taken when the process named last in it is dead. Epochs are never used twice, so
 * dead is for ever, and of all who find it so, one rename succeeds.
 */
const EPOCH = /^[A-Za-z0-9_-]{1,64}$/;

export interface ClaimedFolder {
  readonly epoch: string;
  readonly path: string;
}

export interface ClaimFailure {
  readonly path: string;
  readonly error: JournalError;
}

/** Makes the folder of `epoch`, with a process that already listens in it: nobody ever sees it without. */
export async function createEpochFolder(dir: string, epoch: string): Promise<{ path: string; alive: AsyncDisposable }> {
  if (!EPOCH.test(epoch)) throw new JournalError('invalid_epoch', `journal: ${epoch} does not fit ${EPOCH.source}`);
  const path = join(dir, epoch);
  const unborn = join(dir, `.${epoch}`);
  try {
    mkdirSync(unborn, { recursive: true, mode: 0o700 });
    if (epochNames(dir).some((name) => name.epoch === epoch)) {
      throw new JournalError('epoch_exists', `journal: epoch ${epoch} exists in ${dir}`);
    }
    const alive = await listenAlive(unborn);
    renameSync(unborn, path);
    return { path, alive };
  } catch (error) {
    rmSync(unborn, { recursive: true, force: true });
    throw toJournalError(error, `make ${path}`);
  }
}

/** Takes over every folder whose process is dead. What cannot be taken is told and does not keep the others waiting. */
export async function claimDead(
  dir: string,
  self: string,
): Promise<{ claimed: ClaimedFolder[]; failures: ClaimFailure[] }> {
  const claimed: ClaimedFolder[] = [];
  const failures: ClaimFailure[] = [];
  for (const { name, epoch, owner } of epochNames(dir)) {
    if (epoch === self) continue;
    const from = join(dir, name);
    const path = join(dir, `${epoch}@${self}`);
    try {
      if (owner !== self) {
        if (await isAlive(join(dir, owner))) continue;
        renameSync(from, path);
      }
      claimed.push({ epoch, path });
    } catch (error) {
      // Another one was faster.
      if (systemCode(error) === 'ENOENT' && !existsSync(from)) continue;
      failures.push({ path: from, error: toJournalError(error, `adopt ${from}`) });
    }
  }
  return { claimed, failures };
}

function epochNames(dir: string): { name: string; epoch: string; owner: string }[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap(({ name }) => {
    const [epoch = '', owner = epoch, ...rest] = name.split('@');
    return EPOCH.test(epoch) && EPOCH.test(owner) && rest.length === 0 ? [{ name, epoch, owner }] : [];
  });
}
