/** What came of an answer's body, and what broke it off; undefined: it came to its end. */
export async function readUntilBroken(
  response: Response,
): Promise<{ readonly text: string; readonly bytes: Buffer; readonly error: unknown }> {
  const chunks: Uint8Array[] = [];
  let error: unknown;
  try {
    const reader = response.body?.getReader();
    for (;;) {
      const read = await reader?.read();
      if (read === undefined || read.done) break;
      const value: unknown = read.value;
      if (value instanceof Uint8Array) chunks.push(value);
    }
  } catch (caught) {
    error = caught;
  }
  const bytes = Buffer.concat(chunks);
  return { text: bytes.toString('utf8'), bytes, error };
}
