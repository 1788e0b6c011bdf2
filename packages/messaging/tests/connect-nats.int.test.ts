import { expect, test } from 'vitest';
import { connectNats } from '../src/index.ts';

test('a connection that cannot be made is one sentence, without the password', async () => {
  const failing = connectNats({ url: `nats://user:very-secret@127.0.0.1:1`, name: 'x', connectTimeoutMs: 300 });
  await expect(failing).rejects.toMatchObject({
    code: 'unavailable',
    message: 'NATS cannot be reached at 127.0.0.1:1',
  });
  await expect(failing).rejects.not.toThrow(/very-secret/);
});

test.each(['127.0.0.1:4222', 'localhost:4222', 'http://127.0.0.1:4222', 'nats://u:very-secret@', ''])(
  'the address %j is refused in one sentence',
  async (url) => {
    const failing = connectNats({ url, name: 'x' });
    await expect(failing).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(failing).rejects.not.toThrow(/very-secret/);
  },
);
