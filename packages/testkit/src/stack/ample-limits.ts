/** For usage-ledger, where a test is not about what an account may have. */
export const AMPLE_LIMITS: Readonly<Record<string, string>> = {
  DEFAULT_KEY_RPM: '10000000',
  DEFAULT_KEY_TPM: '4000000000',
  DEFAULT_KEY_PARALLEL: '100000',
  DEFAULT_TENANT_RPM: '10000000',
  DEFAULT_TENANT_TPM: '4000000000',
  DEFAULT_TENANT_PARALLEL: '100000',
  DEFAULT_BUDGET_USD: '1000000',
};
