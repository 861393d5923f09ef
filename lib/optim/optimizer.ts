import { currentRecording, onFailure, recordedGradient, refuseReading, unrecorded } from '../context.js';
import { floatTypes } from '../dtype.js';
import { ArgumentError, checkNumber, checkOptions, describe, formatShape } from '../errors.js';
import { keep } from '../memory.js';
import { native } from '../native.js';
import { tensor } from '../ops/creation.js';
import { changed, checkFloat, checkTensor, clearGrad, Tensor } from '../tensor.js';
import { listOf } from './parameters.js';
import { checkGroups, completeState, givenState, type OptimizerState, type ParameterState, planLoad } from './state.js';

/** Parameters that share options. Options may be changed between steps: `group.lr = 0.001`. */
export type ParameterGroup<Options> = Options & {
  params: Tensor[];
  /** The learning rate before any scheduler changed it. Set by the first scheduler; schedules count from it. */
  initialLr?: number;
};

/** What an optimizer is made from: parameters, or groups of them with options of their own. */
export type Parameters<Options> = Iterable<Tensor> | readonly (Partial<Options> & { params: Iterable<Tensor> })[];

/**
 * The base of optimizers. A subclass names its state tensors and makes one native call for all parameters of a group.
 */
export abstract class Optimizer<Options extends { lr: number }> {
  readonly paramGroups: ParameterGroup<Options>[] = [];
  private readonly state = new Map<Tensor, ParameterState>();
  private readonly hypers = new Map<ParameterGroup<Options>, Hyper>();
  private changes = 0; // of groups, and of the tensors that make up the state
  private hasWarned = false;

  constructor(
    protected readonly name: string,
    params: Parameters<Options>,
    private readonly defaults: Options,
    given: object | undefined,
  ) {
    checkOptions(name, given, Object.keys(defaults));
    for (const [key, value] of Object.entries(given ?? {})) {
      if (value !== undefined) (defaults as Record<string, unknown>)[key] = value;
    }
    this.checkGroup(defaults);
    const list =
      params instanceof Tensor ? [] : listOf(name, 'params', params, 'must be tensors or groups', checkPart(name));
    if (list.length === 0) {
      throw new ArgumentError(
        `${name}: params must be at least one tensor or group, got ${params instanceof Tensor ? describe(params) : 'none'}`,
      );
    }
    const groups = list[0] instanceof Tensor ? [{ params: list }] : list;
    for (const group of groups) this.addParamGroup(group as Partial<Options> & { params: Iterable<Tensor> });
  }

  /** Throws an ArgumentError when an option is out of its range. */
  protected abstract checkGroup(options: Options): void;
  /** Names of the tensors kept for each parameter, each of its shape. */
  protected abstract stateNames(options: Options): readonly string[];
  /** What state tensors are filled with at first. */
  protected initialState(_options: Options): number {
    return 0;
  }
  /** The options that kernels read from a buffer, so that a compiled step follows when they change. */
  protected abstract numbers(options: Options): readonly number[];
  /** The options that kernels take as integers: with others, a compiled step is recorded anew. */
  protected abstract flags(options: Options): readonly number[];
  /** The native call. All lists have one entry per parameter. */
  protected abstract update(lists: UpdateLists): void;

  /** Adds parameters with options of their own; what is not given is as in the constructor. */
  addParamGroup(group: Partial<Options> & { params: Iterable<Tensor> }): void {
    if (group === null || typeof group !== 'object' || !('params' in group)) {
      throw new ArgumentError(`${this.name}: params must be tensors or groups { params, … }, got ${describe(group)}`);
    }
    checkOptions(this.name, group, ['params', ...Object.keys(this.defaults), 'initialLr']);
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
    const whole = { ...this.defaults, ...group, params } as ParameterGroup<Options>;
    this.checkWhole(whole);
    this.hypers.set(whole, new Hyper(this.numbers(whole)));
    this.paramGroups.push(whole);
    this.changes++;
  }

  private checkWhole(group: Options & { initialLr?: number }): void {
    this.checkGroup(group);
    if (group.initialLr !== undefined) checkRate(this.name, 'initialLr', group.initialLr);
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const group of this.paramGroups) for (const p of group.params) clearGrad(p);
  }

  /**
   * Changes every parameter that has a gradient, one native call a group and dtype. A step that fails changes nothing.
   * Warns once when there is no gradient at all.
   */
  step(): void {
    for (const group of this.paramGroups) this.checkGroup(group);
    const updates: Update<Options>[] = [];
    for (const group of this.paramGroups) {
      for (const dtype of floatTypes) {
        const params = group.params.filter((p) => p._grad !== null && p.dtype === dtype);
        if (params.length > 0) updates.push(this.prepare(group, params));
      }
    }
    if (updates.length === 0) this.warnIdle();
    if (updates.length > 1) for (const update of updates) checkUpdate(this.name, update);
    for (const update of updates) this.apply(update);
  }

  private warnIdle(): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    process.emitWarning(
      `${this.name}.step: no parameter has a gradient, so nothing was changed; call zeroGrad() and backward() before it, and give the optimizer the parameters of the model that is trained`,
      { type: 'AdjointWarning', code: 'ADJOINT_NO_GRADIENT' },
    );
  }

  // All that can fail of one native call; what it makes is not yet stored.
  private prepare(group: ParameterGroup<Options>, params: readonly Tensor[]): Update<Options> {
    const names = this.stateNames(group);
    const gradients = params.map((p) => recordedGradient(this.name, p) as Tensor);
    const initial = this.initialState(group);
    const states = unrecorded(() => params.map((p) => completeState(this.state.get(p), p, names, initial)));
    const hyper = this.hypers.get(group) as Hyper;
    const lists: UpdateLists = {
      params: handles(params),
      gradients: handles(gradients),
      state: Object.fromEntries(names.map((name) => [name, handles(states.map((s) => s[name] as Tensor))])),
      steps: handles(states.map((s) => s.step as Tensor)),
      hyper: hyper.tensor.handle,
      flags: this.flags(group),
    };
    return { group, hyper, names, params, gradients, states, lists };
  }

  private apply({ group, hyper, names, params, states, lists }: Update<Options>): void {
    onFailure(hyper.save());
    unrecorded(() => hyper.set(this.numbers(group)));
    const { changes } = this;
    currentRecording()?.follow({
      holds: () =>
        this.changes === changes && equal(this.flags(group), lists.flags) && equal(this.stateNames(group), names),
      isDue: () => !equal(this.numbers(group), hyper.values),
      advance: () => {
        this.checkGroup(group);
        const undo = hyper.save();
        hyper.set(this.numbers(group));
        return undo;
      },
    });
    this.update(lists);
    params.forEach((p, i) => {
      this.setState(p, states[i] as ParameterState);
      changed(p);
    });
  }

  private setState(p: Tensor, state: ParameterState): void {
    const before = this.state.get(p);
    if (before === state) return;
    this.state.set(p, state);
    onFailure(() => {
      if (before === undefined) this.state.delete(p);
      else this.state.set(p, before);
      for (const key in state) if (state[key] !== before?.[key]) (state[key] as Tensor).dispose();
    });
  }

  /** The state of every parameter and the options of every group, as PyTorch lays them out. The tensors are the live ones. */
  stateDict(): OptimizerState<Options> {
    const state: OptimizerState<Options>['state'] = {};
    let count = 0;
    const groups = this.paramGroups.map((group) => {
      const numbers = group.params.map((p) => {
        const own = this.state.get(p);
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
      checkOptions(this.name, options, [...Object.keys(this.defaults), 'initialLr']);
      this.checkWhole({ ...(this.paramGroups[i] as ParameterGroup<Options>), ...(options as unknown as Options) });
    });
    const numbers = groups.flatMap((g) => g.params);
    const all = this.paramGroups.flatMap((g) => g.params);
    const live = new Set([...this.state.values()].flatMap((state) => Object.values(state)));
    const loads = all.map((p, i) => {
      const given = givenState(this.name, saved.state[numbers[i] as number], p, i);
      return planLoad(this.name, given, this.state.get(p), p, live);
    });
    if (loads.some((load, i) => load?.state !== this.state.get(all[i] as Tensor))) this.changes++;
    loads.forEach((load, i) => {
      const p = all[i] as Tensor;
      if (load === null) {
        this.state.delete(p);
      } else {
        load.copy?.();
        this.state.set(p, load.state);
      }
    });
    groups.forEach(({ params: _, ...options }, i) => {
      Object.assign(this.paramGroups[i] as object, options);
    });
  }
}

// One native call of a step.
interface Update<Options> {
  group: ParameterGroup<Options>;
  hyper: Hyper;
  names: readonly string[];
  params: readonly Tensor[];
  gradients: readonly Tensor[];
  states: readonly ParameterState[];
  lists: UpdateLists;
}

// A native call checks its own tensors before it writes; before the first of several, all must be checked.
function checkUpdate(name: string, { params, gradients, names, states }: Update<unknown>): void {
  for (const p of params) native.checkFree(p.handle, true, name);
  for (const g of gradients) native.checkFree(g.handle, false, name);
  for (const state of states) {
    for (const key of ['step', ...names]) native.checkFree((state[key] as Tensor).handle, true, name);
  }
}

/** Handles as kernels take them: their count, then each. */
export interface UpdateLists {
  params: number[];
  gradients: number[];
  state: Record<string, number[]>;
  steps: number[];
  hyper: number;
  flags: readonly number[];
}

// A group's numbers as kernels read them: float64, copied to a compiled step at each submission.
class Hyper {
  readonly tensor: Tensor;
  constructor(public values: readonly number[]) {
    this.tensor = keep(tensor(Float64Array.from(values)));
    native.markHost(this.tensor.handle, false);
  }

  set(values: readonly number[]): void {
    if (equal(values, this.values)) return;
    native.write(this.tensor.handle, Float64Array.from(values));
    this.values = values;
  }

  /** Returns what puts the present numbers back. */
  save(): () => void {
    const { values } = this;
    return () => this.set(values);
  }
}

function equal(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

// A parameter or a group of them; `addParamGroup` looks at it more closely.
const checkPart =
  (name: string) =>
  (part: unknown): object => {
    if (typeof part === 'object' && part !== null) return part;
    throw new ArgumentError(`${name}: params must be tensors or groups { params, … }, got ${describe(part)}`);
  };

/** @internal A list of tensors as a kernel takes it. */
export function handles(tensors: readonly Tensor[]): number[] {
  const list = [tensors.length];
  for (const t of tensors) list.push(t.handle);
  return list;
}

/** @internal No tensors. */
export const noHandles: readonly number[] = [0];

/** @internal */
export function checkRate(operation: string, name: string, value: unknown): void {
  checkNumber(operation, name, value, { min: 0 });
}
