// What a checkpoint of a training holds, and where the newest one is.
import { FileError } from '../errors.js';
import { saveCheckpoint } from '../io/checkpoint.js';
import type { CheckpointState, CheckpointTargets, Stateful } from '../io/checkpoint-state.js';
import { defaultGenerator } from '../ops/generator.js';
import type { Announcer } from './announcer.js';
import type { Callback, Training } from './events.js';

/** @internal */
export class Saver {
  /** The newest checkpoint. */
  path: string | null = null;

  /**
   * @param what the callbacks, and values that are saved as they are
   * @param things what else has a state
   */
  constructor(
    private readonly training: Training,
    private readonly what: { readonly callbacks: readonly Callback[]; readonly values: CheckpointState },
    private readonly announcer: Announcer,
    private readonly things: CheckpointTargets,
  ) {}

  state(): CheckpointState {
    return { ...this.what.values, ...this.targets() };
  }

  targets(): CheckpointTargets {
    const callbacks: Stateful = {
      stateDict: () => Object.fromEntries(this.#stateful().map((c) => [c.name, c.stateDict?.()])),
      loadStateDict: (states: Record<string, never>) => {
        for (const c of this.#stateful()) if (c.name in states) c.loadStateDict?.(states[c.name] as never);
      },
    };
    return { ...this.things, generator: defaultGenerator(), callbacks };
  }

  #stateful(): (Callback & { name: string })[] {
    return this.what.callbacks.filter((c) => c.stateDict !== undefined && c.loadStateDict !== undefined) as never;
  }

  /** @returns where it is; undefined, with a warning, when it could not be written, and where others write */
  save(path: string, options?: { keep?: number }): string | undefined {
    if (!this.announcer.isFirst) return undefined;
    const { epoch, step } = this.training;
    try {
      this.path = saveCheckpoint(path, this.state(), options);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.training.warn('checkpoint', `no checkpoint was written, earlier ones are whole: ${error.message}`, error);
      return undefined;
    }
    this.announcer.add({ type: 'checkpoint', path: this.path, epoch, step });
    return this.path;
  }
}
