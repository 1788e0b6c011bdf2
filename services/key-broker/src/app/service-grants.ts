/** What services, by the names of their tokens, may do here. Who is not named may do nothing. */
export interface ServiceGrants {
  /** Lease keys of this provider. */
  mayLease: (service: string, provider: string) => boolean;
  /** Use the whole of KeyAdmin. */
  mayAdminister: (service: string) => boolean;
}
