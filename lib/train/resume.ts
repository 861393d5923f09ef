// Going on from a checkpoint, alone or in a team.
import { type FileError, StateError } from '../errors.js';
import { latestCheckpoint, loadCheckpoint } from '../io/checkpoint.js';
import type { CheckpointTargets } from '../io/checkpoint-state.js';
import type { Place } from './place.js';
import type { Team } from './team.js';

/** What to go on from. */
interface Resume {
  /** A checkpoint, or a folder. */
  path: string;
  /** Whether there must be one. */
  must: boolean;
  onDamaged: (error: FileError) => void;
}

/** @internal Loads the newest checkpoint, if any, into the targets, and gives its path. In a team only rank 0 may have the folder. */
export async function resume(
  { path, must, onDamaged }: Resume,
  targets: CheckpointTargets,
  place: Place,
  team: Team | null,
): Promise<string | null> {
  const newest = (): string | null => latestCheckpoint(path, { onDamaged }) ?? (must ? path : null);
  if (team !== null) {
    return team.withFile(team.rank === 0 ? newest() : null, (file) => load(file, targets, place, team));
  }
  const file = newest();
  if (file !== null) load(file, targets, place, null);
  return file;
}

function load(file: string, targets: CheckpointTargets, place: Place, team: Team | null): void {
  const size = team?.size ?? 1;
  const { data, ...others } = targets;
  try {
    loadCheckpoint(file, targets);
  } catch (error) {
    if (data === undefined || !(error instanceof StateError)) throw error;
    const { training } = loadCheckpoint<{ training?: { ranks?: unknown[] } }>(file);
    if ((training?.ranks?.length ?? 1) === size) throw error;
    loadCheckpoint(file, others); // what each process has read is another part of the data now
  }
  place.takeOwn(team?.rank ?? 0, size);
}
