/* A process that keeps a journal and tells on stdout what was acknowledged, to be killed at any moment by a test. */
import { setTimeout as delay } from 'node:timers/promises';
import { writeSync } from 'node:fs';
import { JournalError, openJournal } from '../src/index.ts';

const [role = '', dir = '', epoch = ''] = process.argv.slice(2);

/** At once and whole, so that the other side has read whatever was acknowledged before a kill. */
function tell(...words: readonly (string | number | bigint)[]): void {
  writeSync(1, `${words.join(' ')}\n`);
}

const journal = await openJournal({ dir, epoch, segmentBytes: 4096, syncEveryMs: 20 });
tell('adopted', ...journal.adopted.map((adopted) => adopted.epoch));

if (role === 'settle') {
  for (const { epoch: dead, lost } of journal.adopted) {
    for (const { requestId, partition } of lost) {
      const number = journal.settleLost(dead, requestId, partition, (n) => Buffer.from(`lost ${requestId} ${n}`));
      tell('settled', requestId, partition, number);
    }
  }
  tell('end');
}

if (role === 'write' || role === 'fill') {
  for (let serial = 0; ; serial += 1) {
    const requestId = `${epoch}-${serial}`;
    const partition = serial % 3;
    try {
      journal.opened(requestId, partition, Buffer.from(`opened ${requestId}`));
      tell('opened', requestId, partition);
      if (serial % 5 === 0) {
        journal.progress(requestId, Buffer.from(`progress ${requestId}`));
        tell('progress', requestId);
      }
      // Every seventh stays open; the others are finished, later than they began.
      const finished = serial - 4;
      if (finished >= 0 && finished % 7 !== 0) {
        const id = `${epoch}-${finished}`;
        const number = journal.done(id, finished % 3, (n) => Buffer.from(`event ${id} ${n}`));
        tell('done', id, finished % 3, number);
        if (role === 'write' && number % 10n === 0n) {
          // The ledger has charged them, whether this process lives to note it or not.
          tell('committed', finished % 3, number - 5n);
          journal.committed(epoch, finished % 3, number - 5n);
        }
      }
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      tell('refused', error.code);
      break;
    }
    if (serial % 50 === 0) await delay(1);
  }
}

// Alive until it is killed, or told to end by the end of its input.
for await (const _ of process.stdin);
await journal[Symbol.asyncDispose]();
