export const PROVIDER = 'ohmygpt';
export const TOKEN = 'a-token-of-the-load';
export const keyId = (index: number): string => `key-${String(index).padStart(5, '0')}`;
