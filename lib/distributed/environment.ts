// Which process of a run this one is, by what started it.
import { hostname } from 'node:os';
import { ArgumentError, describe } from '../errors.js';

/** The place of a process in a run. */
export interface Place {
  readonly rank: number;
  readonly worldSize: number;
  /** Among the processes of this machine. */
  readonly localRank: number;
  readonly masterAddr: string | undefined;
  readonly masterPort: number | undefined;
  /** Whose variables said so. */
  readonly source: string;
}

interface Launcher {
  readonly source: string;
  readonly rank: string;
  readonly worldSize: string;
  readonly localRank: string;
  /** The address of rank 0 where MASTER_ADDR does not name it. */
  readonly master?: (env: NodeJS.ProcessEnv) => string | undefined;
}

const launchers: readonly Launcher[] = [
  { source: 'RANK and WORLD_SIZE', rank: 'RANK', worldSize: 'WORLD_SIZE', localRank: 'LOCAL_RANK' },
  {
    source: 'Slurm',
    rank: 'SLURM_PROCID',
    worldSize: 'SLURM_NTASKS',
    localRank: 'SLURM_LOCALID',
    master: ({ SLURM_STEP_NODELIST, SLURM_JOB_NODELIST, SLURM_NODELIST }) =>
      firstHost(SLURM_STEP_NODELIST ?? SLURM_JOB_NODELIST ?? SLURM_NODELIST),
  },
  {
    source: 'Open MPI',
    rank: 'OMPI_COMM_WORLD_RANK',
    worldSize: 'OMPI_COMM_WORLD_SIZE',
    localRank: 'OMPI_COMM_WORLD_LOCAL_RANK',
  },
  { source: 'PMI', rank: 'PMI_RANK', worldSize: 'PMI_SIZE', localRank: 'MPI_LOCALRANKID' },
  {
    source: 'a Kubernetes indexed job',
    rank: 'JOB_COMPLETION_INDEX',
    worldSize: 'JOB_COMPLETIONS',
    localRank: 'LOCAL_RANK',
  },
];

/** The first host of a list of Slurm's: `node[03-07,12],gpu1` gives node03. */
export function firstHost(list: string | undefined): string | undefined {
  const found = /^([^[,]*)(?:\[([0-9]+)[^\]]*\])?([^,]*)/.exec(list ?? '');
  const host = found === null ? '' : `${found[1]}${found[2] ?? ''}${found[2] === undefined ? '' : found[3]}`;
  return host === '' ? undefined : host;
}

function count(name: string, text: string, least: number, most = 2 ** 20): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new ArgumentError(
    `distributed.init: ${name} must be an integer of at least ${least} and at most ${most}, got ${describe(text)}`,
  );
}

/** What the variables of torchrun, Slurm, Open MPI, PMI or Kubernetes say; a run of one process where none is set. */
export function placeOf(env: NodeJS.ProcessEnv, given: { rank?: number; worldSize?: number } = {}): Place {
  const launcher = launchers.find(({ rank, worldSize }) => env[rank] !== undefined && env[worldSize] !== undefined);
  const half = launchers.find(({ rank }) => env[rank] !== undefined);
  if (launcher === undefined && half !== undefined && given.worldSize === undefined) {
    const hint = 'set both, or give worldSize';
    throw new ArgumentError(`distributed.init: ${half.worldSize} must be set as ${half.rank} is, got none; ${hint}`);
  }
  const worldSize =
    given.worldSize ?? (launcher === undefined ? 1 : count(launcher.worldSize, env[launcher.worldSize] as string, 1));
  const rank = given.rank ?? (launcher === undefined ? 0 : count(launcher.rank, env[launcher.rank] as string, 0));
  if (rank >= worldSize) {
    throw new ArgumentError(`distributed.init: rank must be below the world size ${worldSize}, got ${rank}`);
  }
  const local = env[launcher?.localRank ?? 'LOCAL_RANK'];
  const port = env.MASTER_PORT;
  const address = env.MASTER_ADDR === '' ? undefined : env.MASTER_ADDR; // of '' the system makes this machine
  return {
    rank,
    worldSize,
    localRank: local === undefined ? 0 : count(launcher?.localRank ?? 'LOCAL_RANK', local, 0),
    masterAddr: address ?? launcher?.master?.(env) ?? (worldSize === 1 ? hostname() : undefined),
    masterPort: port === undefined ? undefined : count('MASTER_PORT', port, 1, 65_535),
    source: launcher?.source ?? 'none',
  };
}
