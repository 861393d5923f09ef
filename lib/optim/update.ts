// The parameters of one dtype of a group that have gradients, with all that a step needs to change them.
import { aboutToChange } from '../all-or-nothing.js';
import { isRecording } from '../context.js';
import { describe, StateError } from '../errors.js';
import { addHandles } from '../lists.js';
import { callWithLists, type Kernel, native } from '../native.js';
import { add_, clone, copy_ } from '../ops/copy.js';
import { baseOf, type Tensor, view } from '../tensor.js';
import { copyAs, type GroupOptions, type OptionTensors, type ParameterGroup } from './options.js';
import type { ParameterState } from './state.js';

/** @internal All lists have one entry per parameter. */
export class Update<Options extends object> {
  constructor(
    readonly group: ParameterGroup<Options>,
    readonly options: GroupOptions<Options>,
    readonly params: readonly Tensor[],
    readonly gradients: readonly Tensor[],
    readonly states: readonly ParameterState[],
  ) {}

  /** The names of the state tensors that `init` asked for; loaded state may have more. */
  namesOf(p: Tensor): readonly string[] {
    return this.options.stateNames.get(p) as readonly string[];
  }

  /** A native call checks its own tensors before it writes; before the first of several, all must be checked. */
  check(operation: string): void {
    for (const t of [this.options.tensor, ...this.gradients]) native.checkFree(t.handle, false, operation);
    this.params.forEach((p, i) => {
      native.checkFree(p.handle, true, operation);
      const state = this.states[i] as ParameterState;
      for (const name of ['step', ...this.namesOf(p)]) {
        native.checkFree((state[name] as Tensor).handle, true, operation);
      }
    });
  }

  /** Calls `apply` for each parameter. Inside `allOrNothing`, parameters and state are put back when one fails. */
  forEach(
    operation: string,
    apply: (p: Tensor, g: Tensor, state: ParameterState, options: OptionTensors<Options>) => unknown,
  ): void {
    const { dtype } = this.params[0] as Tensor;
    const options = this.options.asTensors(dtype);
    this.params.forEach((p, i) => {
      const own = this.states[i] as ParameterState;
      const step = own.step as Tensor;
      const state: ParameterState = Object.create(null);
      for (const name of this.namesOf(p)) state[name] = own[name] as Tensor;
      for (const t of [p, step, ...Object.values(state)]) aboutToChange(operation, t);
      add_(step, 1);
      state.step = copyAs(view(step, 0, []), dtype);
      const g = this.gradients[i] as Tensor;
      const { step: _, ...kept } = state;
      onlyReading(`${operation}.apply`, g, () => {
        const result = apply(p, g, state, options);
        checkApplied(`${operation}.apply`, p, result, kept, state);
      });
    });
  }

  /**
   * Calls a kernel for all parameters: (parameters, gradients, a list for each name of state, steps, numbers among the
   * options in the order of the defaults, flags). The list of a name that `init` did not ask for is empty.
   */
  call(run: Kernel, names: readonly string[], flags: readonly boolean[]): void {
    const asked = this.namesOf(this.params[0] as Tensor);
    const args: number[] = [];
    addHandles(args, this.params);
    addHandles(args, this.gradients);
    for (const name of names) {
      if (asked.includes(name)) this.addState(args, name);
      else args.push(0);
    }
    this.addState(args, 'step');
    args.push(this.options.tensor.handle);
    for (const flag of flags) args.push(Number(flag));
    callWithLists(run, args);
  }

  private addState(args: number[], name: string): void {
    args.push(this.states.length);
    for (const state of this.states) args.push((state[name] as Tensor).handle);
  }
}

// Throws if `fn` changes the gradient, and puts it back whenever `fn` fails; a recording does the latter itself.
function onlyReading(operation: string, g: Tensor, fn: () => void): void {
  const base = baseOf(g);
  const { version } = base;
  const content = isRecording() ? null : clone(g);
  try {
    fn();
    if (base.version !== version) {
      throw new StateError(`${operation}: the gradient must not be changed in place; use operations without _`);
    }
  } catch (error) {
    if (content !== null && base.version !== version) {
      copy_(g, content);
      base.version = version;
    }
    throw error;
  } finally {
    content?.dispose();
  }
}

// Mistakes that are easily made in an `apply`, and that would have no effect.
function checkApplied(
  operation: string,
  p: Tensor,
  result: unknown,
  before: ParameterState,
  now: ParameterState,
): void {
  if (result !== undefined && result !== p) {
    throw new StateError(
      `${operation}: must change the parameter in place and return nothing, got ${describe(result)}; use p.copy_(…)`,
    );
  }
  for (const name in before) {
    if (now[name] === before[name]) continue;
    throw new StateError(
      `${operation}: state.${name} must be changed in place, got ${describe(now[name])} assigned to it; use state.${name}.copy_(…)`,
    );
  }
}
