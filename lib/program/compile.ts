import { ArgumentError, checkChoice, checkFlag, checkInteger } from '../errors.js';
import { checkSynchronous, isPromise } from '../memory.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { CompiledFunction } from './compiled-function.js';
import { describeCompiled, profileCompiled } from './describe.js';
import { type RunOptions, type RunResult, run } from './feeder.js';
import { whilePaused } from './pause.js';

/** The arguments of a step: those of the function, where a number may replace a tensor. */
export type Given<T> = T extends Tensor
  ? Tensor | number
  : T extends readonly unknown[] | Record<string, unknown>
    ? { [K in keyof T]: Given<T[K]> }
    : T;

/** What a compiled function returns: tensors, nothing, and arrays and plain objects of these. */
// biome-ignore lint/suspicious/noConfusingVoidType: functions that return nothing
export type Traced<Result> = Result extends Tensor | null | undefined | void
  ? Result
  : Result extends PromiseLike<unknown> | ((...args: never) => unknown)
    ? never
    : Result extends object
      ? { [K in keyof Result]: Traced<Result[K]> }
      : never;

/** No requirement if `Result` can be compiled; otherwise one that nothing meets and that says why. */
export type Compilable<Result> = [Result] extends [never] | [Traced<Result>]
  ? unknown
  : [Result] extends [PromiseLike<unknown>]
    ? 'a compiled function must be synchronous'
    : 'a compiled function returns tensors, or arrays and plain objects of tensors';

/** The priority of a compiled function's thread. */
export type Priority = 'normal' | 'low' | 'background';
const priorities = Object.keys(native.codes.priority) as Priority[];

export interface CompileOptions {
  /** Run each call eagerly beside the replay, and throw when a closed-over value has changed; slow. Default false. */
  verify?: boolean;
  /** Signatures kept; the least recently used goes. Default 8. */
  maxPrograms?: number;
  /**
   * The scheduling priority of the step's thread, which matters when cores are scarce. `low` (default): the event loop and
   * other programs go first, and a small share is left for it. `background`: it runs only on idle cores, so that a server's
   * answers hardly wait for it; while others keep all cores busy, it stands still. `normal`: it competes as an equal. Default
   * for all steps of a program: the environment's ADJOINT_PRIORITY.
   */
  priority?: Priority;
}

/** A compiled function. */
export interface CompiledStep<Args extends unknown[], Result> {
  /**
   * Runs a step on the program's own thread; steps run in the order of the calls. The first call with new shapes, dtypes
   * or module modes runs `fn` here and records it.
   */
  (...args: { [K in keyof Args]: Given<Args[K]> }): Promise<Result>;
  /** Runs a step on this thread and returns its result. An error while a step that writes is queued. */
  sync(...args: { [K in keyof Args]: Given<Args[K]> }): Result;
  /**
   * Runs a step for each batch and keeps the program's thread fed, several batches ahead. A batch is the list of a step's
   * arguments, or its only argument. Without `onStep`, no JavaScript runs between two steps.
   *
   * @throws the signal's reason when it aborts; parameters are then those after a whole step. An error of a step has the
   *   number of its batch, from 0, in its message and in `error.batch`.
   */
  run(batches: Iterable<unknown> | AsyncIterable<unknown>, options?: RunOptions<Result>): Promise<RunResult<Result>>;
  /** Runs `fn` while the program is paused between two steps, so that the tensors it writes can be read and saved. */
  pause<T>(fn: () => T): T;
  /** The recorded operations of the newest signature, with their bytes and FLOPs, and the arena. */
  describe(): string;
  /**
   * Runs the newest signature's step 20 times on this thread, with these arguments, and tells where the time goes; restores the state.
   *
   * @throws StateError for a step that waits for other processes
   */
  profile(...args: { [K in keyof Args]: Given<Args[K]> }): string;
  /** Frees the programs and their memory; what is queued is rejected. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Turns a function of tensors into a program that is recorded once and then replayed natively: on a thread of its own, in
 * one arena of memory, without JavaScript between its operations. The numbers are bit for bit those of calling `fn`; a
 * result has memory of its own, even if `fn` returns a view.
 *
 * The first call with new shapes and dtypes, or after `train()` or `eval()`, runs `fn` and records what it does. Tensors from
 * outside (parameters, optimizer state, running statistics, generators) are used in place; changes of learning rates, other
 * numeric options of optimizers and schedules take effect. Numbers given to the step arrive in `fn` as scalar tensors.
 * **Everything else that `fn` reads from JavaScript is a constant**: `verify: true` detects changes.
 *
 * A call that fails leaves parameters, optimizer state, gradients, generators and schedules as they were.
 *
 * A training step must clear its gradients itself (`optimizer.zeroGrad()`); afterwards `p.grad` is null, unless it is returned.
 *
 * @param fn synchronous; takes and returns tensors, or arrays and plain objects of them
 * @throws StateError, when called: for what cannot be recorded (reading a value, say), a call inside another recording,
 *   arguments of another structure, a disposed tensor
 * @example
 * const step = compile((x, y) => {
 *   const loss = nn.functional.crossEntropy(model.forward(x), y);
 *   optimizer.zeroGrad();
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * });
 * const loss = await step(x, y);
 */
export function compile<Args extends unknown[] = Tensor[], Result = unknown>(
  fn: (...args: Args) => Result & Compilable<Result>,
  options: CompileOptions = {},
): CompiledStep<Args, Result> {
  checkSynchronous('compile', fn);
  checkOptions('compile', options, ['verify', 'maxPrograms', 'priority']);
  const verify = checkFlag('compile', 'verify', options.verify, false);
  const maxPrograms = checkInteger('compile', 'maxPrograms', options.maxPrograms ?? 8, 1, 1000);
  const preferred = checkChoice('compile', 'ADJOINT_PRIORITY', process.env.ADJOINT_PRIORITY, priorities, 'low');
  const priority = checkChoice('compile', 'priority', options.priority, priorities, preferred);
  const compiled = new CompiledFunction(
    fn as unknown as (...args: unknown[]) => unknown,
    verify,
    maxPrograms,
    native.codes.priority[priority],
  );
  const step = async (...args: unknown[]): Promise<unknown> => compiled.call(compiled.leavesOf(args));
  return Object.assign(step, {
    sync: (...args: unknown[]) => compiled.sync(compiled.leavesOf(args)),
    run: (batches: Iterable<unknown> | AsyncIterable<unknown>, runOptions?: RunOptions<unknown>) =>
      run(compiled, batches, runOptions),
    pause: <T>(inside: () => T): T => {
      checkSynchronous('step.pause', inside);
      const value = whilePaused(inside);
      if (isPromise(value))
        throw new ArgumentError('step.pause: fn must be synchronous, got one that returns a promise');
      return value;
    },
    describe: () => describeCompiled(compiled),
    profile: (...args: unknown[]) => profileCompiled(compiled, compiled.leavesOf(args)),
    dispose: () => compiled.dispose(),
    [Symbol.dispose]: () => compiled.dispose(),
  }) as unknown as CompiledStep<Args, Result>;
}
