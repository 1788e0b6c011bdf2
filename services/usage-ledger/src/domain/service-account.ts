/** The internal service that an account is kept for; undefined for a tenant's account, whose id has no colon. */
export function serviceOfAccount(accountId: string): string | undefined {
  return /^service:([\w.-]{1,64})$/.exec(accountId)?.[1];
}
