import { DIMENSIONS, type Dimension } from '../../domain/rollup-cube.ts';
import type { Scope } from '../rollup-ports.ts';

export function dimensionsOf(scope: Scope): readonly Dimension[] {
  return DIMENSIONS.filter((dimension) => scope[dimension] !== undefined);
}
