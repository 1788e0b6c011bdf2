import { ConfigError, readSiteFile, type SiteFile } from '@omg/config';
import { watchFiles } from '@omg/service';
import { RETRY_DEFAULTS } from './domain/retry-policy.ts';
import type { Site } from './domain/site.ts';

/** Throws a ConfigError that names every fault. */
export function readSite(path: string): Site {
  return toSite(readSiteFile(path));
}

function toSite({ site: name, cors, retry, userAgent, ...file }: SiteFile): Site {
  return {
    ...file,
    name,
    userAgent,
    retry: { ...RETRY_DEFAULTS, ...retry },
    corsOrigins: cors.origins,
  };
}

export interface FollowSiteOptions {
  readonly path: string;
  readonly first: Site;
  readonly everyMs: number;
  readonly onTaken: () => void;
  /** The file cannot be used: what was read before stands. */
  readonly onRefused: (error: unknown) => void;
}

export interface FollowedSite extends AsyncDisposable {
  readonly current: () => Site;
}

/** The site as its file says at the moment, for requests that come from now on. */
export function followSite({ path, first, everyMs, onTaken, onRefused }: FollowSiteOptions): FollowedSite {
  let current = first;
  const watching = watchFiles({
    paths: [path],
    everyMs,
    onChange: async () => {
      const next = readSite(path);
      refuseAnother(path, first, next);
      if (JSON.stringify(next) === JSON.stringify(current)) return await Promise.resolve();
      current = next;
      onTaken();
    },
    onFailed: onRefused,
  });
  return {
    current: () => current,
    async [Symbol.asyncDispose]() {
      await watching[Symbol.asyncDispose]();
    },
  };
}

/** Leases, books and the listener are of the site that the process began with. */
function refuseAnother(path: string, first: Site, next: Site): void {
  const changed = (['name', 'provider', 'port'] as const).filter((member) => first[member] !== next[member]);
  if (changed.length === 0) return;
  throw new ConfigError(
    changed.map((member) => `${path}: another ${member === 'name' ? 'site' : member} needs another start`),
  );
}
