// What optimizers keep for each parameter, and how it is loaded.
import { noGrad } from '../autograd/tape.js';
import { describe, formatShape, isPlain, StateError } from '../errors.js';
import { keep } from '../memory.js';
import { native } from '../native.js';
import { clone, copy_, fill_, to } from '../ops/copy.js';
import { full } from '../ops/creation.js';
import { type Shape, sameShape } from '../shape.js';
import { checkTensor, empty, newestTensor, type Tensor } from '../tensor.js';

/** The saved form of an optimizer, in PyTorch's layout. */
export interface OptimizerState<Options> {
  /** For each parameter, by its number over all groups, its state tensors. */
  state: Record<string, Record<string, Tensor>>;
  param_groups: (Options & { params: number[]; initialLr?: number })[];
}

/** @internal `step` and the tensors that an optimizer names. Without a prototype: files give names, too. */
export type ParameterState = Record<string, Tensor>;

/** @internal Whether a parameter has the state of those names, in its dtype. */
export function isComplete(
  state: ParameterState | undefined,
  names: readonly string[] | undefined,
  p: Tensor,
): state is ParameterState {
  if (state === undefined || names === undefined) return false;
  for (const name of names) if (state[name]?.dtype !== p.dtype) return false;
  return true;
}

/** @internal What `init` makes for a parameter, checked; tensors with memory of their own, which outlive scopes. */
export function initialState(operation: string, p: Tensor, init: () => unknown): ParameterState {
  const newest = newestTensor();
  const made = init();
  if (!isPlain(made)) {
    throw new StateError(
      `${operation}: must return an object of tensors, { momentum_buffer: zerosLike(p) } say, got ${describe(made)}`,
    );
  }
  const state: ParameterState = Object.create(null);
  for (const [name, value] of Object.entries(made)) {
    if (name === 'step') throw new StateError(`${operation}: step is counted by the optimizer; leave it out`);
    const t = checkTensor(operation, `state ${name}`, value);
    if (t.dtype !== p.dtype) {
      throw new StateError(
        `${operation}: state ${name} must be ${p.dtype} like its parameter, got ${t.dtype}; zerosLike(p) makes such a tensor`,
      );
    }
    state[name] = keep(t._id > newest && t._base === null ? t : clone(t)); // the parameter itself, say, or a view of it
  }
  return state;
}

/** @internal A parameter's state, with missing tensors added, in the parameter's dtype. */
export function completeState(before: ParameterState | undefined, made: ParameterState, p: Tensor): ParameterState {
  const state: ParameterState = Object.assign(Object.create(null), before);
  state.step ??= newStep();
  for (const name in made) {
    const own = state[name];
    if (own === undefined) {
      state[name] = made[name] as Tensor;
      continue;
    }
    made[name]?.dispose();
    if (own.dtype !== p.dtype) state[name] = keep(to(own, p.dtype)); // the parameter was converted
  }
  return state;
}

function newStep(): Tensor {
  return keep(full([1], 0, { dtype: 'float64' }));
}

/** @internal The groups of a saved state, as many and as large as `own`. */
export function checkGroups<Options>(
  name: string,
  saved: OptimizerState<Options>,
  own: readonly { params: readonly unknown[] }[],
): OptimizerState<Options>['param_groups'] {
  const sizes = (groups: readonly { params?: readonly unknown[] }[]): string =>
    groups.map((g) => g?.params?.length).join(', ');
  const groups = Array.isArray(saved?.param_groups) ? saved.param_groups : null;
  if (groups === null || sizes(groups) !== sizes(own)) {
    const { stateDict } = Object(saved) as { stateDict?: unknown };
    const hint = typeof stateDict === 'function' ? '; pass its stateDict()' : '';
    throw new StateError(
      `${name}: the saved state must have groups of ${sizes(own)} parameters, got ${groups === null ? describe(saved) : sizes(groups)}${hint}`,
    );
  }
  for (const { params } of groups) {
    for (const number of params) {
      if (Number.isInteger(number) && number >= 0) continue;
      throw new StateError(
        `${name}: params of the saved groups must be numbers of parameters, got ${describe(number)}`,
      );
    }
  }
  if (!isPlain(saved.state)) {
    throw new StateError(
      `${name}: state must be an object with the state of each parameter, got ${describe(saved.state)}`,
    );
  }
  const numbers = new Set(groups.flatMap(({ params }) => params.map(String)));
  const unknown = Object.keys(saved.state).find((key) => !numbers.has(key));
  if (unknown !== undefined) {
    throw new StateError(`${name}: state must be of the groups' parameters, got one of ${describe(unknown)}`);
  }
  return groups;
}

/**
 * @internal The saved state of one parameter, every tensor checked; null where there is none. `dimsOf` gives the sizes of a
 * state tensor: undefined for one that the optimizer does not know, which must be like its parameter.
 */
export function givenState(
  name: string,
  given: unknown,
  p: Tensor,
  index: number,
  dimsOf: (key: string) => Shape | undefined,
): ParameterState | null {
  if (given === undefined) return null;
  if (!isPlain(given)) {
    throw new StateError(`${name}: state of parameter ${index} must be an object of tensors, got ${describe(given)}`);
  }
  const state: ParameterState = Object.create(null);
  for (const [key, value] of Object.entries(given)) {
    const t = checkTensor(name, `state ${key} of parameter ${index}`, value);
    const dims = key === 'step' ? undefined : (dimsOf(key) ?? p.dims);
    if (dims === undefined ? t.size !== 1 : !sameShape(t.dims, dims)) {
      const want = formatShape(dims ?? [1]);
      throw new StateError(`${name}: state ${key} of parameter ${index} must be ${want}, got ${formatShape(t.dims)}`);
    }
    native.checkFree(t.handle, false, name);
    state[key] = t;
  }
  return state;
}

/** The future state of a parameter, and what remains to be copied into it once nothing can fail. */
interface Load {
  state: ParameterState;
  copy: (() => void) | null;
}

/**
 * @internal Plans to load `given`: into the tensors that the parameter has, so that compiled steps go on with them, or into
 * new ones where it has others, or where `given` is of this optimizer itself (`live`) and would be overwritten meanwhile.
 */
export function planLoad(
  name: string,
  given: ParameterState | null,
  own: ParameterState | undefined,
  p: Tensor,
  live: ReadonlySet<Tensor>,
): Load | null {
  for (const key in own) native.checkFree((own[key] as Tensor).handle, true, name);
  if (given === null) return null;
  const step = given.step?.item() ?? ('momentum_buffer' in given ? 1 : 0);
  const keys = Object.keys(given).filter((key) => key !== 'step');
  const fits =
    own !== undefined &&
    Object.keys(own).length === keys.length + 1 &&
    keys.every((key) => own[key]?.dtype === p.dtype && !live.has(given[key] as Tensor));
  const state: ParameterState = fits ? own : Object.assign(Object.create(null), { step: newStep() });
  if (!fits) for (const key of keys) state[key] = keep(empty((given[key] as Tensor).dims, p.dtype));
  const copy = (): void => {
    noGrad(() => {
      for (const key of keys) copy_(state[key] as Tensor, given[key] as Tensor);
      fill_(state.step as Tensor, step);
    });
  };
  if (fits) return { state, copy };
  copy();
  return { state, copy: null };
}
