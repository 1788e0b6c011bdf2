import { OmgError } from '@omg/errors';

/** What requests are counted by. */
export const DIMENSIONS = ['site', 'provider', 'model', 'tenantId', 'clientKeyId', 'upstreamKeyId'] as const;

export type Dimension = (typeof DIMENSIONS)[number];

/** Dimensions that rollups are kept for together: one row for each combination of their values that occurs. */
export interface Cube {
  readonly name: string;
  readonly dimensions: readonly Dimension[];
  /** With histograms, so that quantiles can be told. */
  readonly timings: boolean;
}

/** In the order in which they are tried: what has fewer rows comes first. */
export const CUBES: readonly Cube[] = [
  { name: 'all', dimensions: [], timings: true },
  { name: 'site', dimensions: ['site'], timings: true },
  { name: 'provider', dimensions: ['provider'], timings: true },
  { name: 'model', dimensions: ['model'], timings: true },
  { name: 'site-model', dimensions: ['site', 'model'], timings: true },
  { name: 'tenant', dimensions: ['tenantId'], timings: true },
  { name: 'tenant-site', dimensions: ['tenantId', 'site'], timings: false },
  { name: 'tenant-model', dimensions: ['tenantId', 'model'], timings: false },
  { name: 'key', dimensions: ['tenantId', 'clientKeyId'], timings: false },
  // the ids of upstream keys are a provider's own
  { name: 'upstream-key', dimensions: ['provider', 'upstreamKeyId'], timings: true },
];

/** The smallest cube that has all these dimensions. */
export function cubeOf(asked: Iterable<Dimension>): Cube {
  const wanted = new Set(asked);
  const cube = CUBES.find(({ dimensions }) => wanted.isSubsetOf(new Set(dimensions)));
  if (cube !== undefined) return cube;
  throw new OmgError(
    'invalid_argument',
    `nothing is kept by ${[...wanted].join(' and ')} together; there is ${CUBES.map(({ dimensions }) =>
      dimensions.join(' and '),
    )
      .filter((text) => text !== '')
      .join('; ')}`,
  );
}
