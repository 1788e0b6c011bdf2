import { pickFreePort } from '@omg/embedded';

export const LOOPBACK = '127.0.0.1';

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  return await pickFreePort(LOOPBACK);
}
