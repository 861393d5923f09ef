import { noGrad } from '../autograd/tape.js';
import { onFailure, refuseReading, unrecorded } from '../context.js';
import type { DType } from '../dtype.js';
import { checkInteger, describe, formatShape, isPlain, StateError } from '../errors.js';
import { keep } from '../memory.js';
import { zerosLike } from '../ops/creation.js';
import { sameShape } from '../shape.js';
import { Tensor, view } from '../tensor.js';
import { gathered, gatherTensors, type NamedTensors } from './gathered.js';
import type { ProcessGroup } from './process-group.js';
import { vectorOf } from './vector.js';

/** What {@link ErrorFeedback} saves: how many processes there were, and of each, by rank, what is left of each parameter's gradients. */
export interface ErrorFeedbackState {
  size: number;
  ranks: NamedTensors;
}

type Bucket = readonly Tensor[];
const load = 'loadStateDict';

/**
 * What compression has left of the gradients, and adds to those of the next step: part of the state of a training, other in each process.
 * `nn.DistributedDataParallel` has it as `errorFeedback`. `train.fit` saves it; a loop of one's own saves it like the optimizer.
 *
 * @example
 * const parallel = new nn.DistributedDataParallel(model, { compression: { topK: 0.01 } });
 * parallel.forward(x).mean().backward();
 * optimizer.step();
 * await parallel.errorFeedback.consolidateStateDict(); // in all processes
 * io.saveCheckpoint('run.safetensors', { model, optimizer, errorFeedback: parallel.errorFeedback }); // in rank 0
 * io.loadCheckpoint('run.safetensors', { model, optimizer, errorFeedback: parallel.errorFeedback }); // in all
 */
export class ErrorFeedback {
  readonly #group: ProcessGroup;
  readonly #params: ReadonlyMap<Tensor, string>;
  /** Of the parameters of a bucket, one after the other. */
  readonly #rests = new Map<Bucket, Tensor>();
  /** What was loaded for parameters that are in no bucket yet. */
  #loaded: ReadonlyMap<Tensor, Tensor> = new Map();
  readonly #gathered = gathered<ErrorFeedbackState>();

  /** @internal */
  constructor(group: ProcessGroup, params: ReadonlyMap<Tensor, string>) {
    this.#group = group;
    this.#params = params;
  }

  /** @internal What is left of a bucket, to be changed by a step. */
  _restOf(bucket: Bucket, dtype: DType): Tensor {
    this.#gathered.passed();
    const known = this.#rests.get(bucket);
    if (known !== undefined) return known;
    const rest = unrecorded(() => keep(this.#vector(bucket, dtype)));
    this.#rests.set(bucket, rest);
    onFailure(() => {
      this.#rests.delete(bucket);
    });
    return rest;
  }

  #vector(bucket: Bucket, dtype: DType): Tensor {
    return vectorOf(
      bucket.map((param) => this.#loaded.get(param) ?? noGrad(() => zerosLike(param))),
      dtype,
    );
  }

  /**
   * Gathers what is left in all processes in one, whose {@link stateDict} returns it until the next step. All processes call it.
   *
   * @param to the rank, within the group, that gets it; default 0
   * @throws DistributedError when a process is lost
   */
  async consolidateStateDict(to = 0): Promise<void> {
    const name = 'consolidateStateDict';
    checkInteger(name, 'to', to, 0, this.#group.size - 1);
    refuseReading(name, 'call it outside of the compiled function');
    if (this.#group.size === 1) return;
    const ranks = await gatherTensors(this.#group, this.localStateDict().ranks, to);
    this.#gathered.set(ranks && { size: this.#group.size, ranks });
  }

  /**
   * What is left in all processes, as {@link consolidateStateDict} has gathered it.
   *
   * @throws StateError where it has not been gathered since the last step
   */
  stateDict(): ErrorFeedbackState {
    return this.#group.size === 1 ? this.localStateDict() : this.#gathered.get();
  }

  /** What is left in this process, in the form of {@link stateDict}. The tensors are the live ones. */
  localStateDict(): ErrorFeedbackState {
    const own: Record<string, Tensor> = {};
    for (const [param, t] of this.#loaded) own[this.#params.get(param) as string] = t;
    for (const [bucket, rest] of this.#rests) {
      let place = 0;
      for (const param of bucket) {
        own[this.#params.get(param) as string] = view(rest, place, param.shape);
        place += param.size;
      }
    }
    const { size, rank } = this.#group;
    return { size, ranks: { [rank]: own } };
  }

  /**
   * Goes on with what was left: each process with its own or, where there were more or fewer, with the mean over all of them, so that what
   * the model has yet to learn of it stays the same. A run of one process sends nothing, and drops it.
   *
   * @throws StateError when it is of another model; nothing is changed then
   */
  loadStateDict(state: ErrorFeedbackState): void {
    const own = this.#ownOf(state);
    noGrad(() => {
      for (const [bucket, rest] of this.#rests) {
        rest.copy_(
          vectorOf(
            bucket.map((param) => own.get(param) ?? zerosLike(param)),
            rest.dtype,
          ),
        );
      }
      const places = new Set([...this.#rests.keys()].flat());
      this.#loaded = new Map([...own].filter(([param]) => !places.has(param)).map(([p, t]) => [p, keep(t.clone())]));
    });
    this.#gathered.set(null);
  }

  #ownOf(state: unknown): ReadonlyMap<Tensor, Tensor> {
    const { size, ranks } = Object(state) as Partial<ErrorFeedbackState>;
    if (!isPlain(ranks) || !Object.values(ranks).every(isPlain)) {
      throw new StateError(`${load}: state must be that of an error feedback, got ${describe(state)}`);
    }
    const all = Object.values(ranks).map((tensors) => this.#byParameter(tensors));
    const at = Object.keys(ranks).indexOf(`${this.#group.rank}`);
    if (size !== this.#group.size) return meansOf(all);
    if (at >= 0) return all[at] as ReadonlyMap<Tensor, Tensor>;
    const got = Object.keys(ranks).join(', ') || 'none';
    throw new StateError(`${load}: state must hold what is left in rank ${this.#group.rank}, got that of ranks ${got}`);
  }

  #byParameter(tensors: Record<string, unknown>): ReadonlyMap<Tensor, Tensor> {
    const byName = new Map([...this.#params].map(([param, name]) => [name, param]));
    return new Map(
      Object.entries(tensors).map(([name, t]) => {
        const param = byName.get(name);
        if (param === undefined) throw new StateError(`${load}: the model must have the parameter ${name}, got none`);
        if (t instanceof Tensor && t.dtype === param.dtype && sameShape(t.dims, param.dims)) return [param, t];
        const expected = `${param.dtype} ${formatShape(param.dims)}`;
        throw new StateError(`${load}: ${name} must be a tensor of ${expected}, got ${describe(t)}`);
      }),
    );
  }
}

function meansOf(all: readonly ReadonlyMap<Tensor, Tensor>[]): ReadonlyMap<Tensor, Tensor> {
  const params = new Set(all.flatMap((one) => [...one.keys()]));
  const mean = (param: Tensor): Tensor =>
    all
      .map((one) => one.get(param) ?? zerosLike(param))
      .reduce((a, b) => a.add(b))
      .div(all.length);
  return noGrad(() => new Map([...params].map((param) => [param, mean(param)])));
}
