const CONTAINED =
  /authorization|apikey|secret|passw(?:or)?d|passphrase|cookie|credential|privatekey|clientkey|upstreamkey/;

// `token` only at the end and `tokens` only behind a word for access: prompt_tokens and tokensUsed are counts
const ENDING = /token$|(?:access|refresh|auth|session|bearer|service|api)tokens$/;

/** Whether what stands under this name (a field, a header, an environment variable) is a secret by its name alone. */
export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return CONTAINED.test(plain) || ENDING.test(plain);
}
