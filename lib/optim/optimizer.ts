import { ArgumentError, checkNumber, checkOptions, describe, formatShape, StateError } from '../errors.js';
import { keep } from '../memory.js';
import { native } from '../native.js';
import { copy_, fill_ } from '../ops/copy.js';
import { full, tensor } from '../ops/creation.js';
import { currentRecording, onFailure, recordedGradient, unrecorded } from '../program/recording.js';
import { sameShape } from '../shape.js';
import { changed, checkFloat, checkTensor, clearGrad, Tensor } from '../tensor.js';

/** Parameters that share options. Options may be changed between steps: `group.lr = 0.001`. */
export type ParameterGroup<Options> = Options & {
  params: Tensor[];
  /** The learning rate before any scheduler changed it. Set by the first scheduler; schedules count from it. */
  initialLr?: number;
};

/** What an optimizer is made from: parameters, or groups of them with options of their own. */
export type Parameters<Options> = Iterable<Tensor> | readonly (Partial<Options> & { params: Iterable<Tensor> })[];

/** The saved form of an optimizer, laid out as PyTorch's. */
export interface OptimizerState<Options> {
  /** For each parameter, by its number over all groups, its state tensors. */
  state: Record<string, Record<string, Tensor>>;
  param_groups: (Options & { params: number[]; initialLr?: number })[];
}

type State = Record<string, Tensor>;

/**
 * The base of optimizers. A subclass names its state tensors and makes one native call for all parameters of a group.
 */
export abstract class Optimizer<Options extends { lr: number }> {
  readonly paramGroups: ParameterGroup<Options>[] = [];
  private readonly state = new Map<Tensor, State>();
  private readonly hypers = new Map<ParameterGroup<Options>, Hyper>();
  private changes = 0; // of groups, and of the tensors that make up the state

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
      params instanceof Tensor || params === null || params === undefined ? null : [...(params as Iterable<unknown>)];
    if (list === null || list.length === 0) {
      throw new ArgumentError(
        `${name}: params must be at least one tensor or group, got ${list === null ? describe(params) : 'none'}`,
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
    const params = [...(group.params instanceof Tensor ? [group.params] : group.params)];
    const known = new Set(this.paramGroups.flatMap((g) => g.params));
    for (const p of params) {
      checkTensor(this.name, 'a parameter', p);
      checkFloat(this.name, 'parameter', p);
      if (!p.isLeaf)
        throw new ArgumentError(
          `${this.name}: a parameter must be a tensor that no operation made, got ${formatShape(p.dims)} from an operation`,
        );
      if (known.has(p)) throw new ArgumentError(`${this.name}: a parameter ${formatShape(p.dims)} is given twice`);
      known.add(p);
    }
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

  /** Changes every parameter that has a gradient, one native call a group and dtype. */
  step(): void {
    for (const group of this.paramGroups) this.checkGroup(group);
    for (const group of this.paramGroups) {
      for (const dtype of ['float32', 'float64'] as const) {
        const params = group.params.filter((p) => p._grad !== null && p.dtype === dtype);
        if (params.length > 0) this.updateGroup(group, params);
      }
    }
  }

  private updateGroup(group: ParameterGroup<Options>, params: Tensor[]): void {
    const hyper = this.hypers.get(group) as Hyper;
    onFailure(hyper.save());
    unrecorded(() => hyper.set(this.numbers(group)));
    const names = this.stateNames(group);
    const flags = this.flags(group);
    const { changes } = this;
    currentRecording()?.follow({
      holds: () => this.changes === changes && equal(this.flags(group), flags) && equal(this.stateNames(group), names),
      isDue: () => !equal(this.numbers(group), hyper.values),
      advance: () => {
        this.checkGroup(group);
        hyper.set(this.numbers(group));
      },
      save: () => hyper.save(),
    });
    const states = unrecorded(() => params.map((p) => this.stateOf(p, names, this.initialState(group))));
    this.update({
      params: handles(params),
      gradients: handles(params.map((p) => recordedGradient(this.name, p) as Tensor)),
      state: Object.fromEntries(names.map((name) => [name, handles(states.map((s) => s[name] as Tensor))])),
      steps: handles(states.map((s) => s.step as Tensor)),
      hyper: hyper.tensor.handle,
      flags,
    });
    for (const p of params) changed(p);
  }

  private stateOf(p: Tensor, names: readonly string[], initial = 0): State {
    let state = this.state.get(p);
    if (state === undefined) {
      const step = keep(full([1], 0, { dtype: 'float64' }));
      state = { step };
      this.state.set(p, state);
      onFailure(() => {
        this.state.delete(p);
        step.dispose();
      });
    }
    for (const name of names) state[name] ??= this.stateTensor(p, state, name, initial);
    return state;
  }

  private stateTensor(p: Tensor, state: State, name: string, initial: number): Tensor {
    const t = keep(full(p.dims, initial, { dtype: p.dtype }));
    onFailure(() => {
      delete state[name];
      t.dispose();
    });
    return t;
  }

  /** The state of every parameter and the options of every group, as PyTorch lays them out. The tensors are the live ones. */
  stateDict(): OptimizerState<Options> {
    const all = this.paramGroups.flatMap((g) => g.params);
    const state: OptimizerState<Options>['state'] = {};
    all.forEach((p, i) => {
      const own = this.state.get(p);
      if (own !== undefined) state[i] = { ...own };
    });
    return {
      state,
      param_groups: this.paramGroups.map((g) => ({ ...g, params: g.params.map((p) => all.indexOf(p)) })),
    };
  }

  /**
   * Goes on where `stateDict` was taken: copies the state and the options. A `momentum_buffer` without `step`, as PyTorch
   * saves it, counts as one step.
   *
   * @throws StateError when groups or shapes do not fit; nothing is changed then
   */
  loadStateDict(saved: OptimizerState<Options>): void {
    const sizes = (groups: readonly { params?: readonly unknown[] }[]): string =>
      groups.map((g) => g?.params?.length).join(', ');
    const groups = Array.isArray(saved?.param_groups) ? saved.param_groups : null;
    if (groups === null || sizes(groups) !== sizes(this.paramGroups)) {
      throw new StateError(
        `${this.name}: the saved state must have groups of ${sizes(this.paramGroups)} parameters, got ${groups === null ? describe(saved) : sizes(groups)}`,
      );
    }
    for (const { params: _, ...options } of groups) {
      checkOptions(this.name, options, [...Object.keys(this.defaults), 'initialLr']);
      this.checkWhole({ ...this.defaults, ...(options as unknown as Options) });
    }
    const all = this.paramGroups.flatMap((g) => g.params);
    const numbers = groups.flatMap((g) => g.params);
    this.changes++;
    const loaded = all.map((p, i) => this.checkState(saved.state?.[numbers[i] as number], p, i));
    all.forEach((p, i) => {
      this.state.delete(p);
      const given = loaded[i];
      if (given === undefined) return;
      const names = Object.keys(given).filter((key) => key !== 'step');
      const own = this.stateOf(p, names);
      for (const name of names) copy_(own[name] as Tensor, given[name] as Tensor);
      fill_(own.step as Tensor, given.step?.item() ?? ('momentum_buffer' in given ? 1 : 0));
    });
    groups.forEach(({ params: _, ...options }, i) => {
      Object.assign(this.paramGroups[i] as object, options);
    });
  }

  private checkState(given: State | undefined, p: Tensor, index: number): State | undefined {
    for (const [key, t] of Object.entries(given ?? {})) {
      checkTensor(this.name, `state ${key} of parameter ${index}`, t);
      if (key === 'step' ? t.size !== 1 : !sameShape(t.dims, p.dims)) {
        const shape = key === 'step' ? '[1]' : formatShape(p.dims);
        throw new StateError(
          `${this.name}: state ${key} of parameter ${index} must be ${shape}, got ${formatShape(t.dims)}`,
        );
      }
    }
    return given;
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

/** @internal A list of tensors as a kernel takes it. */
export function handles(tensors: readonly Tensor[]): number[] {
  const list = [tensors.length];
  for (const t of tensors) list.push(t.handle);
  return list;
}

/** @internal No tensors. */
export const noHandles: readonly number[] = [0];

/** @internal */
export function checkBoolean(operation: string, name: string, value: unknown): void {
  if (typeof value !== 'boolean')
    throw new ArgumentError(`${operation}: ${name} must be a boolean, got ${describe(value)}`);
}

/** @internal */
export function checkRate(operation: string, name: string, value: unknown): void {
  checkNumber(operation, name, value, { least: 0 });
}
