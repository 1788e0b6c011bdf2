import type { keyAdminV1 } from '@omg/proto-gen';
import { forEach } from '../admin/for-each.ts';
import { defineCommand } from '../command.ts';
import { CommandFailure, UsageError } from '../failures.ts';
import { NOTHING, formatMs, formatNumberOf } from '../output/format.ts';
import { writeRows } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';
import { ONE_PROVIDER, openPool } from '../options/provider-option.ts';
import { OUTCOME_CAUSES } from '../views/outcome-cause.ts';

/** A real answer of a model, through a proxy that may be slow. */
const DEADLINE_MS = 90_000;

interface Tested extends keyAdminV1.TestKeyResponse {
  readonly keyId: string;
}

const COLUMNS: readonly Column<Tested>[] = [
  { title: 'KEY', value: ({ keyId }) => keyId },
  {
    title: 'RESULT',
    value: ({ ok, cause }) => (ok ? 'ok' : OUTCOME_CAUSES[cause]),
    style: ({ ok }) => (ok ? 'green' : 'red'),
  },
  { title: 'STATUS', align: 'right', value: ({ status }) => (status === 0 ? NOTHING : String(status)) },
  { title: 'TOOK', align: 'right', value: ({ latencyMs }) => formatMs(latencyMs) },
  { title: 'ROUTE', value: ({ route }) => route || NOTHING },
  { title: 'ENDPOINT', value: ({ endpoint }) => endpoint || NOTHING },
  { title: 'MESSAGE', value: ({ message }) => message || NOTHING },
];

export const upstreamKeysTest = defineCommand({
  name: 'upstream-keys test',
  summary: 'makes one small request with each key, through its proxy; fails when one fails',
  operands: [],
  lastOperand: { name: 'key id', takes: 'one or more' },
  options: {
    ...ONE_PROVIDER,
    model: { type: 'string', value: 'NAME', summary: "the model to ask, by the upstream's name" },
  },
  examples: [
    'omg upstream-keys test key-1 --model model-a',
    'omg upstream-keys test key-1 key-2 --model model-a --json',
  ],
  async run(context, args) {
    const [ids, model] = [args.operandsFrom(0), args.string('model')];
    if (model === undefined) throw new UsageError("--model NAME is needed, the upstream's name of a model");
    const { provider, admin } = await openPool(context, args);
    const { results, failure } = await forEach(ids, async (keyId): Promise<Tested> => {
      const result = await admin.call(
        async (client, call) => await client.testKey({ provider, keyId, model }, { ...call, deadlineMs: DEADLINE_MS }),
      );
      return { ...result, keyId };
    });
    if (results.length > 0) await writeRows(context, results, { columns: COLUMNS, toJson, none: '' });
    if (failure !== undefined) throw failure;
    const failed = results.filter(({ ok }) => !ok).length;
    if (failed > 0) throw new CommandFailure(`${formatNumberOf(failed, 'key')} of ${results.length} failed`);
  },
});

function toJson({ keyId, cause, status, ...result }: Tested): object {
  return withNulls({ keyId, ...result, cause: OUTCOME_CAUSES[cause], status: status === 0 ? undefined : status });
}
