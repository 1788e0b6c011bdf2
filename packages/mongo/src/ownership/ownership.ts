import type { OmgError } from '@omg/errors';
import type { Mongo } from '../connect-mongo.ts';
import type { Instant } from './instant.ts';
import type { Owned } from './owned.ts';

export interface OwnershipOptions {
  readonly mongo: Mongo;
  /** What is shared out: the same in every process. */
  readonly ids: readonly string[];
  /** The name of this process; each start has another one. */
  readonly holder: string;
  /** Where others may send those who ask for what this process owns. */
  readonly address: string;
  /** The loop of one owned id: it calls `owned.renew()` at least each second, and returns soon after `owned.signal` aborts. */
  readonly work: (owned: Owned) => Promise<void>;
  readonly onEvent: (event: OwnershipEvent) => void;
  /** The collection of owners; its members stand in one of the same name with `_members` behind it. */
  readonly owners?: string;
  /** The collection of the fences, whose `_id` are the ids. */
  readonly fences?: string;
  readonly clock?: () => Instant;
}

export type OwnershipEvent =
  | { readonly type: 'won' | 'lost' | 'handed_over'; readonly id: string; readonly term: number }
  | { readonly type: 'work_failed'; readonly id: string; readonly term: number; readonly error: unknown }
  /** It is tried again. */
  | { readonly type: 'call_failed'; readonly call: string; readonly error: unknown };

export interface Owner {
  readonly holder: string;
  readonly address: string;
  readonly term: number;
}

export interface Ownership extends AsyncDisposable {
  /** What this process may act for now. */
  readonly owned: (id: string) => Owned | undefined;
  /** As it was at the last look, a fifth of a second ago. */
  readonly ownerOf: (id: string) => Owner | undefined;
  /** The answer to who asks here for what somebody else owns; its details name the address where it is known. */
  readonly notOwner: (id: string) => OmgError;
}
