import type { Finding } from '../../domain/audit/finding.ts';
import type { OutstandingBooks } from './audit-ports.ts';

/** What holders have is nothing below 0, and the dead have nothing. */
export async function* checkOutstanding(books: OutstandingBooks): AsyncIterable<Finding> {
  const { rows, elsewhere } = await books.list();
  for (const { partition, scope, holderEpoch, live, amounts } of rows) {
    const subject = `${scope} at ${holderEpoch}, partition ${partition}`;
    for (const [dimension, amount] of Object.entries(amounts)) {
      const isRight = live ? amount >= 0n : amount === 0n;
      if (!isRight)
        yield {
          check: 'outstanding',
          difference: {
            subject,
            what: `${dimension} of a ${live ? 'live' : 'dead'} holder`,
            expected: live ? '0 or more' : '0',
            found: String(amount),
          },
        };
    }
  }
  yield { check: 'outstanding', checked: rows.length };
  for (const [address, partitions] of elsewhere) yield { check: 'outstanding', elsewhere: { address, partitions } };
}
