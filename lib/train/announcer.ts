// Who is told of the events of a training, in which order.
import type { Course } from './course.js';
import type { Callback, TrainEvent, Training } from './events.js';
import { gatherStates } from './snapshot.js';
import type { Team } from './team.js';

/** @internal */
export class Announcer {
  #queue: TrainEvent[] = [];

  /** @param things what the training holds, whose states checkpoints have */
  constructor(
    private readonly training: Training,
    private readonly callbacks: readonly Callback[],
    private readonly team: Team | null,
    private readonly course: Course,
    private readonly things: Parameters<typeof gatherStates>[0],
  ) {}

  /** Whether this process prints and writes. */
  get isFirst(): boolean {
    return this.team === null || this.team.rank === 0;
  }

  /** An event of which all are told with the next one that is announced. */
  add(event: TrainEvent): void {
    this.#queue.push(event);
  }

  /** Tells callbacks, then the caller, and then of what the callbacks did. */
  async *announce(event: TrainEvent): AsyncGenerator<TrainEvent, void, undefined> {
    const earlier = this.#queue;
    this.#queue = [];
    for (const one of [...earlier, event]) {
      await this.#tell(one);
      yield one;
    }
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await this.#tell(next);
      yield next;
    }
  }

  /** Whether checkpoints are written with this event; rank 0 then needs what of the state others have. */
  #mayBeSaved({ type }: TrainEvent): boolean {
    if (this.team === null) return false;
    if (type === 'epoch' || type === 'end') return true;
    return type === 'step' && this.course.isAsked(this.training.step);
  }

  async #tell(event: TrainEvent): Promise<void> {
    if (this.#mayBeSaved(event)) await gatherStates(this.things);
    const method = `on${event.type[0]?.toUpperCase()}${event.type.slice(1)}` as 'onStep';
    // At the end the last comes first: a checkpoint is saved before the best weights are put back.
    const order = event.type === 'end' ? [...this.callbacks].reverse() : this.callbacks;
    for (const callback of order) {
      if (this.isFirst || !callback.rankZeroOnly) await callback[method]?.(event as never, this.training);
    }
  }
}
