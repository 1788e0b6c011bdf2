import type { pricesV1 } from '@omg/proto-gen';
import { administer } from '../admin/account-commands.ts';
import { defineCommand } from '../command.ts';
import { NOTHING, decimalUsd, formatCount, formatTime } from '../output/format.ts';
import { writeRows } from '../output/pages.ts';
import type { Column } from '../output/table.ts';
import { withNulls } from '../output/with-nulls.ts';

/** A version's rates, or those of one of its tiers. */
interface Row {
  readonly price: pricesV1.PriceVersion;
  readonly rates: pricesV1.Rates | undefined;
  readonly aboveInputTokens: bigint | undefined;
}

const rate = (name: keyof pricesV1.Rates) => ({
  align: 'right' as const,
  value: ({ rates }: Row) => decimalUsd(rates?.[name] ?? 0n),
});

const COLUMNS: readonly Column<Row>[] = [
  { title: 'SITE', value: ({ price }) => price.site },
  { title: 'MODEL', value: ({ price }) => price.model },
  {
    title: 'INPUT ABOVE',
    align: 'right',
    value: ({ aboveInputTokens }) => (aboveInputTokens === undefined ? NOTHING : formatCount(aboveInputTokens)),
    leaveOut: 3,
  },
  { title: 'INPUT', ...rate('input') },
  { title: 'OUTPUT', ...rate('output') },
  { title: 'WRITE 5M', ...rate('cacheWrite5m'), leaveOut: 4 },
  { title: 'WRITE 1H', ...rate('cacheWrite1h'), leaveOut: 4 },
  { title: 'READ', ...rate('cacheRead'), leaveOut: 4 },
  { title: 'PER REQUEST', align: 'right', value: ({ price }) => decimalUsd(price.perRequestNanoUsd), leaveOut: 2 },
  { title: 'TIMES', align: 'right', value: ({ price }) => decimalUsd(price.multiplierNano) },
  { title: 'VERSION', value: ({ price }) => price.version.split('@').at(-1) ?? '', align: 'right', leaveOut: 1 },
  { title: 'SINCE', value: ({ price }) => formatTime(price.since), leaveOut: 2 },
  { title: 'UNTIL', value: ({ price }) => formatTime(price.until), leaveOut: 1 },
];

export const pricesList = defineCommand({
  name: 'prices list',
  summary: 'what models cost: USD per million tokens, and what that is multiplied by',
  operands: [],
  options: {
    site: { type: 'string', value: 'SITE', summary: 'only of this site' },
    model: { type: 'string', value: 'MODEL', summary: 'only of this model' },
    versions: { type: 'boolean', summary: 'also the versions that others have followed' },
  },
  examples: [
    'omg prices list',
    'omg prices list --site ohmygpt --model claude-opus-4-5-20251101 --versions',
    'omg prices list --json | jq -r .version',
  ],
  async run(context, args) {
    const filter = {
      site: args.string('site') ?? '',
      model: args.string('model') ?? '',
      allVersions: args.flag('versions'),
    };
    const { prices } = await administer(context, async (client, call) => await client.listPrices(filter, call));
    if (context.json) await writeRows(context, prices, { columns: [], toJson: withNulls, none: '' });
    else
      await writeRows(context, prices.flatMap(rowsOf), { columns: COLUMNS, toJson: withNulls, none: 'No price fits.' });
  },
});

function rowsOf(price: pricesV1.PriceVersion): readonly Row[] {
  return [
    { price, rates: price.rates, aboveInputTokens: undefined },
    ...price.tiers.map(({ rates, aboveInputTokens }) => ({ price, rates, aboveInputTokens })),
  ];
}
