import { noGrad } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { gathered, gatherTensors } from '../distributed/gathered.js';
import { groupOf } from '../distributed/init.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import { checkSame } from '../distributed/same.js';
import { ArgumentError, checkInteger, describe, isPlain } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { Optimizer, type StateOf } from './optimizer.js';
import type { OptimizerArguments, OptionTensors, ParameterGroup } from './options.js';
import { groupsOf, type Parameters } from './parameters.js';
import { partition, shareParameters } from './shards.js';
import type { OptimizerState } from './state.js';
import type { Update } from './update.js';

/** An optimizer's class, as {@link ZeroRedundancyOptimizer} takes it. */
export type OptimizerClass<Options extends { lr: number }> = new (
  params: Parameters<Options>,
  ...args: OptimizerArguments<Options>
  // biome-ignore lint/suspicious/noExplicitAny: of whatever state
) => Optimizer<Options, any>;

/** The rules of an optimizer, apart from its parameters and their state. */
interface Rules<Options extends object> {
  init(p: Tensor, options: Options): object;
  apply(p: Tensor, g: Tensor, state: StateOf<object>, options: OptionTensors<Options>): void;
  checkGroup(options: Options): void;
  flags(options: Options): readonly unknown[];
  _applyTo(update: Update<Options>): void;
}

const name = 'ZeroRedundancyOptimizer';

/**
 * An optimizer whose state is divided among the processes of a group: each keeps it for its share of the parameters, about
 * 1/n of all numbers, changes these, and gets the others' from those who changed them. Gradients must be the same in all
 * processes, as `nn.DistributedDataParallel` leaves them; the training is then that of the plain optimizer, bit for bit.
 * Schedulers and compiled steps work. A parameter is never cut: with one that is most of the model, little is saved.
 *
 * From: stage 1 of Rajbhandari et al., "ZeRO: Memory optimizations toward training trillion parameter models" (2020,
 * https://arxiv.org/abs/1910.02054).
 *
 * @throws DistributedError when another process has other parameters, or is lost during a step
 * @example
 * await distributed.init();
 * const parallel = new nn.DistributedDataParallel(model);
 * const sharded = new optim.ZeroRedundancyOptimizer(parallel.parameters(), optim.Adam, { lr: 1e-3 });
 * parallel.forward(x).mean().backward();
 * sharded.step();
 * await sharded.consolidateStateDict();
 * if (distributed.getRank() === 0) io.saveCheckpoint('checkpoint', { optimizer: sharded });
 * await distributed.destroy();
 */
export class ZeroRedundancyOptimizer<Options extends { lr: number }> extends Optimizer<Options> {
  readonly #rules: Rules<Options>;
  readonly #group: ProcessGroup;
  #owners = new Map<Tensor, number>();
  readonly #gathered = gathered<OptimizerState<Options>>();

  /**
   * @param params tensors, or groups { params, … }; the same in all processes
   * @param optimizerClass what changes each parameter by itself: not LBFGS
   * @param options those of the optimizer, and group: default all processes of the run
   */
  constructor(
    params: Parameters<Options>,
    optimizerClass: OptimizerClass<Options>,
    options: Partial<Options> & { group?: ProcessGroup } = {},
  ) {
    const made = checkClass(optimizerClass);
    if (!isPlain(options)) throw new ArgumentError(`${name}: options must be an object, got ${describe(options)}`);
    const { group, ...others } = options as { group?: ProcessGroup };
    const processes = groupOf(name, group);
    const groups = groupsOf<Options>(name, params);
    const rules = new made(groups, others as Partial<Options>);
    super(name, groups, rules._settings.defaults, rules._settings.chosen);
    this.#rules = rules as unknown as Rules<Options>;
    this.#group = processes;
    if (processes.size === 1) return;
    processes._checkOpen(name);
    checkSame(
      name,
      processes,
      this.paramGroups.flatMap((one, i) => one.params.map((p): [string, Tensor] => [`${i}`, p])),
    );
  }

  protected override init(p: Tensor, options: Options): object {
    return this.#rules.init(p, options);
  }

  protected override apply(p: Tensor, g: Tensor, state: StateOf<object>, options: OptionTensors<Options>): void {
    this.#rules.apply(p, g, state, options);
  }

  /** @internal */
  protected override applyAll(update: Update<Options>): void {
    this.#rules._applyTo(update);
  }

  protected override checkGroup(options: Options): void {
    if (#rules in this) this.#rules.checkGroup(options); // before, the optimizer inside has done so
  }

  protected override flags(options: Options): readonly unknown[] {
    return this.#rules.flags(options);
  }

  /** @internal */
  override _isOwn(p: Tensor): boolean {
    return this.#shares().get(p) === this.#group.rank;
  }

  /** Whose each parameter is. */
  #shares(): ReadonlyMap<Tensor, number> {
    const count = this.paramGroups.reduce((sum, { params }) => sum + params.length, 0);
    if (count !== this.#owners.size) this.#owners = partition(this.paramGroups, this.#group.size);
    return this.#owners;
  }

  /**
   * Changes the parameters of this process's share that have a gradient, and takes the others from the processes whose they
   * are. All processes call it. A step that fails because a process is lost may have changed this one's share already.
   *
   * @param closure computes the loss and its gradients, before the parameters are changed
   * @returns what the closure returned
   */
  override step<Loss = void>(closure?: () => Loss): Loss {
    if (this.#group.size > 1) this.#group._checkOpen(`${name}.step`);
    const loss = super.step(closure);
    if (this.#group.size === 1) return loss;
    const shares = this.#shares();
    noGrad(() => {
      shareParameters(`${name}.step`, this.#group, shares);
    });
    this.#gathered.passed();
    return loss;
  }

  /**
   * Gathers the state of all parameters in one process, whose {@link stateDict} returns it then. All processes call it.
   *
   * @param to the rank, within the group, that gets it; default 0
   * @throws DistributedError when a process is lost
   */
  async consolidateStateDict(to = 0): Promise<void> {
    const operation = 'consolidateStateDict';
    checkInteger(operation, 'to', to, 0, this.#group.size - 1);
    refuseReading(operation, 'call it outside of the compiled function');
    const own = super.stateDict();
    const state = await gatherTensors(this.#group, own.state, to);
    this.#gathered.set(state && { state, param_groups: own.param_groups });
  }

  /**
   * The state of every parameter and the options of every group, as {@link consolidateStateDict} has gathered them: what the plain
   * optimizer would save. It can be loaded with any number of processes, and by the plain optimizer.
   *
   * @throws StateError where it has not been gathered since the last step
   */
  override stateDict(): OptimizerState<Options> {
    if (this.#group.size === 1) return super.stateDict();
    return this.#gathered.get();
  }

  /** The state of this process's share of the parameters, in the form of {@link stateDict}. The tensors are the live ones. */
  localStateDict(): OptimizerState<Options> {
    return super.stateDict();
  }

  /**
   * Goes on where `stateDict` was taken, of this class or of the plain optimizer: each process copies its share.
   *
   * @throws StateError when groups or shapes do not fit; nothing is changed then
   */
  override loadStateDict(saved: OptimizerState<Options>): void {
    super.loadStateDict(isPlain(saved?.state) ? { ...saved, state: this.#mine(saved) } : saved);
    this.#gathered.set(null);
  }

  #mine({ state, param_groups: groups }: OptimizerState<Options>): OptimizerState<Options>['state'] {
    const params = this.paramGroups.flatMap((group: ParameterGroup<Options>) => group.params);
    const numbers = Array.isArray(groups) ? groups.flatMap((group) => group?.params ?? []) : [];
    const others = new Set(numbers.filter((_, i) => params[i] !== undefined && !this._isOwn(params[i])).map(String));
    return Object.fromEntries(Object.entries(state).filter(([number]) => !others.has(number)));
  }
}

function checkClass<Options extends { lr: number }>(given: OptimizerClass<Options>): OptimizerClass<Options> {
  const { prototype } = Object(given) as { prototype?: unknown };
  if (prototype instanceof Optimizer && prototype.step === Optimizer.prototype.step) return given;
  throw new ArgumentError(
    `${name}: optimizerClass must be a class of optimizers that change each parameter by itself, such as optim.Adam, got ${describe(given)}`,
  );
}
