// The words of what has gone wrong in a group, and who caused it.
import { DistributedError } from '../errors.js';
import type { ProcessGroup } from './process-group.js';

/** @internal */
export function errorOf(text: string, rank: number | undefined): DistributedError {
  const error = new DistributedError(text);
  if (rank !== undefined) error.rank = rank;
  return error;
}

/** @internal Who is to blame, by a text that begins with it. */
export function rankIn(text: string): number | undefined {
  const found = /^rank (\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** @internal Whether a connection was closed, and nothing else is known. */
export const isLoss = (problem: string): boolean => /closed|reset|refused/i.test(problem) && !/^rank /.test(problem);

/** @internal Whether nothing came in time. */
export const isTimeout = (problem: string): boolean => /timed? ?out|must be set within/i.test(problem);

/**
 * @internal What members read of a problem. Gloo's texts name files and lines of its own.
 *
 * @param rank who has it
 */
export function wordingOf(problem: string, rank: number): string {
  if (isTimeout(problem)) return 'another process must answer in time; raise timeout, or look at what it is doing';
  if (/mismatch/.test(problem)) return 'all members must give tensors of one shape and dtype';
  const text = problem.replace(/\[[^\]]*\.(cc|h):\d+\] (rv \S+ \S+ )?(-?\d+ vs -?\d+\. )?/g, '');
  return /^(rank \d|ranks \d|the launcher|the store|distributed|the group)/.test(text)
    ? text
    : `rank ${rank} cannot go on: ${text}`;
}

/** @internal `rank 3`, `ranks 1, 2 and 3`. */
export function listOf(ranks: readonly number[]): string {
  if (ranks.length === 1) return `rank ${ranks[0]}`;
  return `ranks ${ranks.slice(0, -1).join(', ')} and ${ranks.at(-1)}`;
}

/** @internal Tells the others, who wait for this process, what has failed here; errors of the group itself they know. */
export async function tellOthers(group: ProcessGroup, where: string, error: unknown): Promise<void> {
  if (error instanceof DistributedError) return;
  const text = error instanceof Error ? error.message : String(error);
  await group._fail(`rank ${group.ranks[group.rank]} has failed ${where}: ${text}`);
}
