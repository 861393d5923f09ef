import { checkOptions } from '../options.js';

/** Options of the environments that come with the library. */
export interface ClassicOptions {
  /** After how many steps an episode is cut. */
  maxSteps?: number;
}

/** @internal */
export function limitOf(operation: string, options: ClassicOptions | undefined, fallback: number): number {
  checkOptions(operation, options, ['maxSteps']);
  return options?.maxSteps ?? fallback;
}
