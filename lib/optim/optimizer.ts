import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf } from '../arguments.js';
import { enableGrad, noGrad } from '../autograd/tape.js';
import { currentRecording, onFailure, recordedGradient, refuseReading, unrecorded } from '../context.js';
import { floatTypes } from '../dtype.js';
import { ArgumentError, checkFunction, describe, formatShape, StateError } from '../errors.js';
import { listOf } from '../lists.js';
import { checkOptions } from '../options.js';
import '../methods.js'; // in which `apply` is written
import type { Follower } from '../program/recording.js';
import type { Shape } from '../shape.js';
import { changed, checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { type ZeroGradArguments, zeroGrads } from '../zero-grad.js';
import {
  checkKinds,
  checkRate,
  GroupOptions,
  type OptimizerArguments,
  type OptionTensors,
  type ParameterGroup,
} from './options.js';
import { type GivenGroup, groupsOf, type Parameters } from './parameters.js';
import {
  checkGroups,
  completeState,
  givenState,
  initialState,
  isComplete,
  type OptimizerState,
  type ParameterState,
  planLoad,
} from './state.js';
import { Update } from './update.js';

/** The state of one parameter as `apply` is given it; `step` counts from 1, a scalar of the parameter's dtype. */
export type StateOf<State> = Readonly<State> & { readonly step: Tensor };

/**
 * The base of optimizers. A subclass gives its name, its options with their defaults, and two methods: `init`, the state
 * kept for a parameter, and `apply`, the update of one parameter, by tensor operations. The base has the rest: groups,
 * schedules, saving, and steps that change nothing when they fail. Steps can be compiled.
 *
 * `apply` is given numbers among the options as tensors, so that a compiled step follows when `lr` or another one changes.
 * Options that are not numbers, such as flags, are passed as they are; when one changes, a compiled step is recorded again.
 *
 * An eager step keeps a copy of each parameter, its gradient and its state, to put them back should `apply` throw; a
 * compiled one only when it is recorded.
 *
 * @example
 * // Signum (Bernstein et al., "signSGD: compressed optimisation for non-convex problems", 2018)
 * interface SignumOptions {
 *   lr: number;
 *   momentum: number;
 *   weightDecay: number;
 * }
 * class Signum extends optim.Optimizer<SignumOptions, { exp_avg: Tensor }> {
 *   constructor(params: optim.Parameters<SignumOptions>, ...args: optim.OptimizerArguments<SignumOptions>) {
 *     super('Signum', params, { lr: 1e-4, momentum: 0.9, weightDecay: 0 }, ...args);
 *   }
 *
 *   init(p: Tensor) {
 *     return { exp_avg: zerosLike(p) };
 *   }
 *
 *   apply(p: Tensor, g: Tensor, state: { exp_avg: Tensor }, options: optim.OptionTensors<SignumOptions>) {
 *     const { exp_avg: m } = state;
 *     const { lr, momentum, weightDecay } = options;
 *     m.copy_(m.mul(momentum).add(g.mul(sub(1, momentum))));
 *     p.copy_(p.sub(m.sign().add(p.mul(weightDecay)).mul(lr)));
 *   }
 * }
 * const optimizer = new Signum(model.parameters(), 3e-4);
 */
export abstract class Optimizer<
  Options extends { lr: number },
  State extends { [K in keyof State]?: Tensor } = object,
> {
  readonly paramGroups: ParameterGroup<Options>[] = [];
  // Private in JavaScript, too: a subclass may use any of these names.
  readonly #state = new Map<Tensor, ParameterState>();
  readonly #groupOptions = new Map<ParameterGroup<Options>, GroupOptions<Options>>();
  readonly #names: readonly string[]; // of the options
  readonly #nullable: readonly string[]; // those that may be null
  readonly #defaults: Options;
  readonly #chosen: Options; // the defaults with what the constructor was given
  #changes = 0; // of groups, and of the tensors that make up the state
  #hasWarned = false;

  /**
   * @param name of the class, for errors
   * @param params tensors, or groups { params, … }
   * @param defaults a value for each option; `lr` must be one; an option whose default is null may be null
   * @param args what is given in place of defaults: options, or `lr` and the others
   */
  constructor(
    protected readonly name: string,
    params: Parameters<Options>,
    defaults: Options,
    ...args: OptimizerArguments<Options>
  ) {
    if (typeof name !== 'string' || typeof (defaults as Partial<Options> | null)?.lr !== 'number') {
      const got = `${describe(name)} and ${describe(defaults)}`;
      throw new ArgumentError(
        `Optimizer: name must be a string and defaults an object { lr: 0.01, … }, got ${got}; call super(name, params, defaults, options)`,
      );
    }
    this.#defaults = { ...defaults };
    this.#names = Object.keys(defaults);
    this.#nullable = this.#names.filter((key) => (defaults as Record<string, unknown>)[key] === null);
    const others = this.#names.filter((key) => key !== 'lr');
    const options = optionsOf<Options>(name, args, ['lr'], others, this.#nullable);
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    this.#chosen = { ...defaults, ...Object.fromEntries(given) };
    this.checkGroup(this.#chosen);
    for (const group of groupsOf<Options>(name, params)) this.addParamGroup(group);
  }

  /**
   * The state kept for a parameter: tensors of its dtype, by the names under which they are saved. The count of
   * its steps, `step`, is kept beside them. Called before the parameter's first step.
   */
  protected abstract init(p: Tensor, options: Options): State;

  /**
   * Updates one parameter, in place, by its gradient: `p.copy_(p.sub(g.mul(lr)))`. State is changed in place, too. Runs
   * without gradients (`noGrad`).
   *
   * @param g the gradient, to be read only
   * @param state what `init` gave, and `step`: 1 at the first step
   * @param options numbers as scalar tensors of the parameter's dtype
   */
  protected abstract apply(p: Tensor, g: Tensor, state: StateOf<State>, options: OptionTensors<Options>): void;

  /**
   * Throws an ArgumentError when an option is out of its range. By default each must be of its default's kind, numbers
   * finite, and `lr` at least 0.
   */
  protected checkGroup(options: Options): void {
    checkKinds(this.name, this.#defaults, options);
  }

  /**
   * What `init` and `apply` branch on besides options that are not numbers: `[options.momentum === 0]`, for example. When
   * any of it changes, `init` is called again, for missing state, and a compiled step is recorded again.
   */
  protected flags(_options: Options): readonly unknown[] {
    return none;
  }

  /** @internal Updates all parameters of an update; built-in optimizers do it in one native call. */
  protected applyAll(update: Update<Options>): void {
    checkMethod(this.name, 'apply(p, g, state, options)', this.apply);
    update.forEach(this.name, (p, g, state, options) => this.apply(p, g, state as unknown as StateOf<State>, options));
  }

  /** @internal By `applyAll`, unless a class derived from one with a kernel has another `apply`. */
  _applyTo(update: Update<Options>): void {
    if (hasOwnApply(this)) Optimizer.prototype.applyAll.call(this, update);
    else this.applyAll(update);
  }

  /** @internal Whether this process changes the parameter and keeps its state. */
  _isOwn(_p: Tensor): boolean {
    return true;
  }

  /** @internal What an optimizer that works by this one's rules needs to know. */
  get _settings(): { defaults: Options; chosen: Options } {
    return { defaults: this.#defaults, chosen: this.#chosen };
  }

  /** Adds parameters with options of their own; what is not given is as in the constructor. */
  addParamGroup(group: GivenGroup<Options>): void {
    if (group === null || typeof group !== 'object' || !('params' in group)) {
      throw new ArgumentError(`${this.name}: params must be tensors or groups { params, … }, got ${describe(group)}`);
    }
    checkOptions(this.name, group, ['params', ...this.#names, 'initialLr'], this.#nullable);
    const known = new Set(this.paramGroups.flatMap((g) => g.params));
    const params = listOf(this.name, 'params of a group', group.params, 'must be tensors', (given) => {
      const p = checkTensor(this.name, 'a parameter', given);
      checkFloat(this.name, 'parameter', p);
      if (!p.isLeaf)
        throw new ArgumentError(
          `${this.name}: a parameter must be a tensor that no operation made, got ${formatShape(p.dims)} from an operation`,
        );
      if (known.has(p)) throw new ArgumentError(`${this.name}: a parameter ${formatShape(p.dims)} is given twice`);
      known.add(p);
      return p;
    });
    const whole = { ...this.#chosen, ...group, params } as ParameterGroup<Options>;
    this.#checkWhole(whole);
    this.#groupOptions.set(whole, new GroupOptions<Options>(whole, this.#names));
    this.paramGroups.push(whole);
    this.#changes++;
  }

  #checkWhole(group: Options & { initialLr?: number }): void {
    this.checkGroup(group);
    if (group.initialLr !== undefined) checkRate(this.name, 'initialLr', group.initialLr);
  }

  /**
   * Forgets the gradients of all parameters.
   *
   * @param args setToNone: whether they become null, default true, or zeros
   */
  zeroGrad(...args: ZeroGradArguments): void {
    const params = this.paramGroups.flatMap((group) => group.params);
    zeroGrads(`${this.name}.zeroGrad`, params, args);
  }

  /**
   * Changes every parameter that has a gradient. A step that fails changes nothing. Warns once when there is no gradient at
   * all.
   *
   * @param closure computes the loss and its gradients, before the parameters are changed
   * @returns what the closure returned
   */
  step<Loss = void>(closure?: () => Loss): Loss {
    if (closure !== undefined) checkFunction(`${this.name}.step`, 'closure', closure);
    const loss = (closure === undefined ? undefined : enableGrad(closure)) as Loss;
    this.#stepAll();
    return loss;
  }

  #stepAll(): void {
    for (const group of this.paramGroups) this.checkGroup(group);
    const updates: Update<Options>[] = [];
    for (const group of this.paramGroups) {
      for (const dtype of floatTypes) {
        const params = group.params.filter((p) => p._grad !== null && p.dtype === dtype && this._isOwn(p));
        if (params.length > 0) updates.push(this.#prepare(group, params));
      }
    }
    if (updates.length === 0 && !this.#hasGradients()) this.#warnIdle();
    if (updates.length > 1) for (const update of updates) update.check(this.name);
    noGrad(() =>
      allOrNothing(() => {
        for (const update of updates) this.#run(update);
      }),
    );
    for (const { params, states } of updates) {
      for (let i = 0; i < params.length; i++) this.#setState(params[i] as Tensor, states[i] as ParameterState);
    }
  }

  #hasGradients(): boolean {
    return this.paramGroups.some(({ params }) => params.some((p) => p._grad !== null));
  }

  #warnIdle(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(
      `${this.name}.step: no parameter has a gradient, so nothing was changed; call zeroGrad() and backward() before it, and give the optimizer the parameters of the model that is trained`,
      { type: 'AdjointWarning', code: 'ADJOINT_NO_GRADIENT' },
    );
  }

  // Whatever can fail before an update runs; new state is not stored yet.
  #prepare(group: ParameterGroup<Options>, params: readonly Tensor[]): Update<Options> {
    const options = this.#groupOptions.get(group) as GroupOptions<Options>;
    options.branchOf(this.flags(group));
    const gradients = params.map((p) => recordedGradient(this.name, p) as Tensor);
    const states = unrecorded(() => noGrad(() => params.map((p) => this.#stateFor(p, group, options))));
    return new Update(group, options, params, gradients, states);
  }

  // The state of a parameter, complete and in its dtype: the present one, or a new one with what was missing.
  #stateFor(p: Tensor, group: ParameterGroup<Options>, { stateNames }: GroupOptions<Options>): ParameterState {
    const before = this.#state.get(p);
    if (isComplete(before, stateNames.get(p), p)) return before;
    checkMethod(this.name, 'init(p, options)', this.init);
    const made = initialState(`${this.name}.init`, p, () => this.init(p, group));
    stateNames.set(p, Object.keys(made));
    return completeState(before, made, p);
  }

  // The sizes of a parameter's state: those it has or, asked once, those `init` gives.
  #stateDims(p: Tensor, options: Options): (key: string) => Shape | undefined {
    const own = this.#state.get(p);
    let made: Map<string, Shape> | undefined;
    return (key) => {
      if (own?.[key] !== undefined) return own[key].dims;
      made ??= this.#initialDims(p, options);
      return made.get(key);
    };
  }

  #initialDims(p: Tensor, options: Options): Map<string, Shape> {
    checkMethod(this.name, 'init(p, options)', this.init);
    const made = noGrad(() => initialState(`${this.name}.init`, p, () => this.init(p, options)));
    const dims = new Map(Object.entries(made).map(([key, t]) => [key, t.dims]));
    for (const t of Object.values(made)) t.dispose();
    return dims;
  }

  #run(update: Update<Options>): void {
    const { group, options } = update;
    onFailure(unrecorded(() => options.advance()));
    currentRecording()?.follow(this.#follower(group, options));
    this._applyTo(update);
    for (const p of update.params) changed(p);
  }

  // What a compiled step does about a group's options before each replay.
  #follower(group: ParameterGroup<Options>, options: GroupOptions<Options>): Follower {
    const changes = this.#changes;
    const branch = options.branchOf(this.flags(group));
    return {
      holds: () => this.#changes === changes && branch.holds(group, this.flags(group)),
      isDue: () => options.isDue,
      advance: () => {
        this.checkGroup(group);
        return options.advance();
      },
    };
  }

  #setState(p: Tensor, state: ParameterState): void {
    const before = this.#state.get(p);
    if (before === state) return;
    this.#state.set(p, state);
    onFailure(() => {
      if (before === undefined) this.#state.delete(p);
      else this.#state.set(p, before);
      for (const key in state) if (state[key] !== before?.[key]) (state[key] as Tensor).dispose();
    });
  }

  /** The state of every parameter and the options of every group, as PyTorch lays them out. The tensors are the live ones. */
  stateDict(): OptimizerState<Options> {
    const state: OptimizerState<Options>['state'] = {};
    let count = 0;
    const groups = this.paramGroups.map((group) => {
      const numbers = group.params.map((p) => {
        const own = this.#state.get(p);
        if (own !== undefined) state[count] = { ...own };
        return count++;
      });
      return { ...group, params: numbers };
    });
    return { state, param_groups: groups };
  }

  /**
   * Goes on where `stateDict` was taken: copies the state and the options. A `momentum_buffer` without `step`, as PyTorch
   * saves it, counts as one step.
   *
   * @throws StateError when groups or shapes do not fit, or a compiled step is using the state; nothing is changed then
   */
  loadStateDict(saved: OptimizerState<Options>): void {
    refuseReading(`${this.name}.loadStateDict`, 'load it outside of the compiled function');
    const groups = checkGroups(this.name, saved, this.paramGroups);
    groups.forEach(({ params: _, ...options }, i) => {
      checkOptions(this.name, options, [...this.#names, 'initialLr'], this.#nullable);
      this.#checkWhole({ ...(this.paramGroups[i] as ParameterGroup<Options>), ...(options as unknown as Options) });
    });
    const numbers = groups.flatMap((g) => g.params);
    const all = this.paramGroups.flatMap((g) => g.params);
    const live = new Set([...this.#state.values()].flatMap((state) => Object.values(state)));
    const merged = this.paramGroups.flatMap((group, k) => {
      const whole = { ...group, ...(groups[k] as unknown as Options) };
      return group.params.map(() => whole);
    });
    const loads = all.map((p, i) => {
      const dimsOf = this.#stateDims(p, merged[i] as Options);
      const given = givenState(this.name, saved.state[numbers[i] as number], p, i, dimsOf);
      return planLoad(this.name, given, this.#state.get(p), p, live);
    });
    if (loads.some((load, i) => load?.state !== this.#state.get(all[i] as Tensor))) this.#changes++;
    loads.forEach((load, i) => {
      const p = all[i] as Tensor;
      if (load === null) {
        this.#state.delete(p);
      } else {
        load.copy?.();
        this.#state.set(p, load.state);
      }
    });
    groups.forEach(({ params: _, ...options }, i) => {
      Object.assign(this.paramGroups[i] as object, options);
    });
  }
}

const none: readonly unknown[] = [];

// Whether an optimizer derives from one with a kernel and has another `apply`, which the kernel does not know.
function hasOwnApply(optimizer: object): boolean {
  for (let o = optimizer; !Object.hasOwn(o, 'applyAll'); o = Object.getPrototypeOf(o)) {
    if (Object.hasOwn(o, 'apply')) return true;
  }
  return false;
}

function checkMethod(name: string, method: string, given: unknown): void {
  if (typeof given === 'function') return;
  throw new StateError(`${name}: the class must have a method ${method}, got ${describe(given)}; see optim.Optimizer`);
}
