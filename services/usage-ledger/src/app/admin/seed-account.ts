import { OmgError } from '@omg/errors';
import type { ClientKeyRecord, TenantRecord } from '../../domain/account.ts';
import type { Purse } from '../../domain/credits.ts';
import { fieldChanges } from '../../domain/field-changes.ts';
import type { AccountTransaction, ClientKeyFields, StoredSecret, TenantFields } from './account-store.ts';
import { noTenant, type AdminDeps } from './admin-deps.ts';

/** An account that is stated somewhere else: in the bootstrap file, or by another system. */
export interface SeedAccount {
  readonly tenant: Pick<TenantRecord, 'id' | 'name' | 'type' | 'status' | 'limits' | 'budget'>;
  /** Given once, and never again. */
  readonly given: Readonly<Record<Purse, bigint>>;
  readonly keys: readonly SeedKey[];
}

export type SeedKey = Pick<ClientKeyRecord, 'id' | 'name' | 'status' | 'terms' | 'expiresAt' | 'limits' | 'budget'> & {
  readonly secret: StoredSecret;
};

export interface SeedOptions {
  /** `bootstrap`, `import/trollllm`: part of the ids of the credit entries. */
  readonly origin: string;
  readonly actor: string;
  readonly reason: string;
  /** Names, types and secrets follow where what is stated changes; else what is there is left as it is. */
  readonly follows: boolean;
}

export interface SeedResult {
  readonly tenantCreated: boolean;
  readonly creditsGiven: boolean;
  readonly keysCreated: number;
  readonly keysKnown: number;
}

/** Brings an account into being, as far as it is not there: the same again changes nothing. */
export async function seedAccount(
  deps: Pick<AdminDeps, 'clock' | 'makeId'>,
  transaction: AccountTransaction,
  { account, options }: { readonly account: SeedAccount; readonly options: SeedOptions },
): Promise<SeedResult> {
  const seeding = new Seeding(deps, transaction, account.tenant.id, options);
  const tenantCreated = await seeding.tenant(account.tenant);
  const creditsGiven = await seeding.credits(account.given);
  let keysCreated = 0;
  for (const key of account.keys) if (await seeding.key(key)) keysCreated += 1;
  return { tenantCreated, creditsGiven, keysCreated, keysKnown: account.keys.length - keysCreated };
}

class Seeding {
  readonly #deps: Pick<AdminDeps, 'clock' | 'makeId'>;
  readonly #transaction: AccountTransaction;
  readonly #tenantId: string;
  readonly #options: SeedOptions;
  /** Once is enough, and nobody knows a version of what has just been made. */
  #isRaised = false;

  constructor(
    deps: Pick<AdminDeps, 'clock' | 'makeId'>,
    transaction: AccountTransaction,
    tenantId: string,
    options: SeedOptions,
  ) {
    this.#deps = deps;
    this.#transaction = transaction;
    this.#tenantId = tenantId;
    this.#options = options;
  }

  async tenant(stated: SeedAccount['tenant']): Promise<boolean> {
    const { origin, follows } = this.#options;
    const known = await this.#transaction.tenant(stated.id);
    if (known === undefined) {
      this.#isRaised = true;
      await this.#transaction.insertTenant({ ...stated, origin, createdAt: this.#deps.clock.now() });
      await this.#note('tenant_created', undefined, fieldChanges({}, { ...stated, origin }));
      return true;
    }
    if (!follows) {
      if (known.origin === origin) return false;
      throw new OmgError('already_exists', `there is a tenant ${stated.id} that does not come from there`);
    }
    const fields: TenantFields = { name: stated.name, type: stated.type };
    const changes = fieldChanges(known, fields);
    if (changes.length === 0) return false;
    await this.#raiseVersion();
    await this.#transaction.setTenant(stated.id, fields);
    await this.#note('tenant_edited', undefined, changes);
    return false;
  }

  async credits(given: SeedAccount['given']): Promise<boolean> {
    const credits = await this.#give('credits', given.credits);
    const refCredits = await this.#give('refCredits', given.refCredits);
    return credits || refCredits;
  }

  async #give(purse: Purse, nanoUsd: bigint): Promise<boolean> {
    const { origin, actor, reason } = this.#options;
    const id = `${origin}/${this.#tenantId}/${purse}`;
    if (nanoUsd === 0n || (await this.#transaction.credit(id)) !== undefined) return false;
    await this.#raiseVersion();
    const kind = nanoUsd < 0n ? 'adjust' : purse === 'credits' ? 'top_up' : 'grant';
    const at = this.#deps.clock.now();
    await this.#transaction.addCredit({
      id,
      tenantId: this.#tenantId,
      kind,
      purse,
      nanoUsd,
      actor,
      reason,
      requestId: undefined,
      at,
    });
    return true;
  }

  async key({ secret, ...stated }: SeedKey): Promise<boolean> {
    const holder = await this.#transaction.secretOf(secret.digest);
    if (holder !== undefined && holder.clientKeyId !== stated.id)
      throw new OmgError('already_exists', `the client key that ${stated.id} is to be belongs to another id`);
    const known = await this.#transaction.clientKey(stated.id);
    if (known !== undefined && known.tenantId !== this.#tenantId)
      throw new OmgError('already_exists', `there is a client key ${stated.id} of another tenant`);
    if (known !== undefined) {
      if (this.#options.follows) await this.#follow(known, stated.name, secret);
      return false;
    }
    await this.#raiseVersion();
    const createdAt = this.#deps.clock.now();
    await this.#transaction.insertKey({ ...stated, tenantId: this.#tenantId, secret, isOfFile: true, createdAt });
    await this.#note('key_created', stated.id, fieldChanges({}, { ...stated, lastFour: secret.lastFour }));
    return true;
  }

  async #follow(known: ClientKeyRecord, name: string, secret: StoredSecret): Promise<void> {
    const fields: ClientKeyFields = { name };
    const changes = [...fieldChanges(known, fields)];
    const before = await this.#transaction.secretOfFile(known.id);
    // a secret that an operator has replaced must not come back with the next start
    const isAnother = before === undefined || Buffer.compare(before, secret.digest) !== 0;
    if (isAnother) changes.push({ field: 'lastFour', from: known.lastFour, to: secret.lastFour });
    if (changes.length === 0) return;
    await this.#raiseVersion();
    await this.#transaction.setKey(known.id, fields);
    if (isAnother) await this.#transaction.setSecret(known.id, secret, 'of file');
    await this.#note(isAnother ? 'key_rotated' : 'key_edited', known.id, changes);
  }

  async #raiseVersion(): Promise<void> {
    if (this.#isRaised) return;
    this.#isRaised = true;
    if ((await this.#transaction.raiseVersion(this.#tenantId)) === undefined) noTenant(this.#tenantId);
  }

  async #note(
    what: Parameters<AccountTransaction['note']>[0]['what'],
    clientKeyId: string | undefined,
    fields: ReturnType<typeof fieldChanges>,
  ): Promise<void> {
    const { actor } = this.#options;
    const at = this.#deps.clock.now();
    await this.#transaction.note({
      id: this.#deps.makeId(),
      tenantId: this.#tenantId,
      clientKeyId,
      actor,
      what,
      fields,
      at,
    });
  }
}
