import type { AdminDeps } from './admin-deps.ts';

export interface ReloadResult {
  readonly keys: number;
  readonly backupKeys: number;
  readonly proxies: number;
  readonly bindings: number;
}

/** Reads everything anew from the database, and counts what is there then. */
export function makeReload({ offices }: Pick<AdminDeps, 'offices'>): (provider: string) => Promise<ReloadResult> {
  return async (provider) => {
    const office = offices.get(provider);
    await office.refresh();
    return {
      keys: office.keysNow().length,
      backupKeys: office.backupsNow().length,
      proxies: office.proxiesNow().length,
      bindings: office.bindingsNow().length,
    };
  };
}
