import { defineAccountList, type AccountRow } from '../admin/define-account-list.ts';
import { NOTHING, formatCount } from '../output/format.ts';

export const limitsList = defineAccountList({
  group: 'limits',
  summary: 'the limits that count for each tenant, or each key of one, at every site by itself',
  columns: [
    {
      title: 'RPM',
      align: 'right',
      value: ({ effectiveLimits }) => formatCount(effectiveLimits?.requestsPerMinute ?? 0),
    },
    {
      title: 'TPM',
      align: 'right',
      value: ({ effectiveLimits }) => formatCount(effectiveLimits?.tokensPerMinute ?? 0),
    },
    { title: 'PARALLEL', align: 'right', value: ({ effectiveLimits }) => formatCount(effectiveLimits?.parallel ?? 0) },
    { title: 'OWN', value: (row) => (row.limits.some(({ site }) => site === '') ? 'yes' : 'no') },
    { title: 'AT SITES', value: atSites },
  ],
  toJson: ({ effectiveLimits, limits }) => ({ effectiveLimits, limits }),
});

function atSites({ limits }: AccountRow): string {
  const texts = limits
    .filter(({ site }) => site !== '')
    .map(({ site, requestsPerMinute, tokensPerMinute, parallel }) => {
      const each = Object.entries({ rpm: requestsPerMinute, tpm: tokensPerMinute, parallel }).flatMap(([name, limit]) =>
        limit === undefined ? [] : [`${name} ${formatCount(limit)}`],
      );
      return `${site}: ${each.join(' ')}`;
    });
  return texts.join(', ') || NOTHING;
}
