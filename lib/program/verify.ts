import { dtypeTraits } from '../dtype.js';
import { StateError } from '../errors.js';
import { native, type OperationDescription, type ProgramDescription } from '../native.js';
import type { Tensor } from '../tensor.js';
import type { CompiledFunction, Leaves } from './compiled-function.js';
import { whilePaused } from './pause.js';
import type { Program } from './program.js';
import { type Trace, undoTrace } from './trace.js';

const maxListed = 5; // differences that the error lists

/**
 * Runs a step eagerly under the recorder and replays it from the same state; when the two differ in what they do or in a
 * single bit of a result, throws and restores everything.
 */
export function checkAgainstEager(compiled: CompiledFunction, program: Program, leaves: Leaves): unknown {
  return whilePaused(() => {
    native.saveState(compiled.runner, program.number);
    try {
      const eager = compiled.trace(leaves);
      const { journal } = eager.recording;
      try {
        const result = compare(compiled, program, leaves, eager);
        native.recordForget();
        journal.settle();
        return result;
      } catch (error) {
        undoTrace(eager.recording);
        throw error;
      } finally {
        for (const t of eager.outputs) t.dispose();
      }
    } finally {
      native.forgetState(compiled.runner);
    }
  });
}

// Replays a step that was run eagerly. The state afterwards is the replay's, or the eager one's when this throws.
function compare(compiled: CompiledFunction, program: Program, leaves: Leaves, eager: Trace): unknown {
  const { runner } = compiled;
  const exchange = (): boolean => native.exchangeState(runner, program.number);
  const recorded = native.describeProgram(runner, program.number);
  const problems = differences(original(program, recorded), native.describeRecording());
  exchange();
  let result: unknown;
  let sameState = true;
  try {
    result = compiled.replay(program, leaves, false);
  } finally {
    sameState = exchange();
  }
  const outputs: Tensor[] = [];
  gather(result, outputs);
  eager.outputs.forEach((t, i) => {
    const replayed = outputs[i];
    if (replayed === undefined || !sameBits(t, replayed)) problems.push(`result ${i} differs`);
  });
  if (!sameState) problems.push('parameters or other captured tensors differ after the step');
  if (problems.length === 0) {
    exchange();
    return result;
  }
  for (const t of outputs) t.dispose();
  const list = problems.slice(0, maxListed).join('; ');
  const more = problems.length > maxListed ? `; and ${problems.length - maxListed} more` : '';
  throw new StateError(
    `compile: the step does something else than when it was recorded: ${list}${more}; pass what changes as an argument, or compile again`,
  );
}

function gather(value: unknown, tensors: Tensor[]): void {
  if (value === null || typeof value !== 'object') return;
  if ('toTypedArray' in value) tensors.push(value as Tensor);
  else for (const v of Object.values(value)) gather(v, tensors);
}

function sameBits(a: Tensor, b: Tensor): boolean {
  const bytes = (t: Tensor) => Buffer.from(t.toTypedArray().buffer);
  return a.size === b.size && bytes(a).equals(bytes(b));
}

// The program has folded constants, so its original recording is kept beside it.
const originals = new WeakMap<Program, ProgramDescription>();

/** Keeps a program's recording as it was before it was optimized. */
export function keepOriginal(program: Program, description: ProgramDescription): void {
  originals.set(program, description);
}

/**
 * Rejects a recording in which the result of a comparison is unused: most likely JavaScript has asked `if (x.gt(0))`,
 * which no library can notice, and which is true whatever the tensor holds.
 */
export function checkConditions({ operations, outputs }: ProgramDescription): void {
  const needed = new Set(outputs);
  for (const { spans } of operations) for (const s of spans) if (s.read) needed.add(s.buffer);
  const lost = operations.find(({ spans }) => {
    const isComputed = spans.some((s) => s.read && s.kind !== 'constant');
    const written = spans.filter((s) => s.written);
    return (
      isComputed &&
      written.every((s) => s.dtype === dtypeTraits.uint8.code && s.kind === 'arena' && !needed.has(s.buffer))
    );
  });
  if (lost === undefined) return;
  throw new StateError(
    `compile: the uint8 result of operation ${lost.number} (${lost.kernel}) must be used by another operation or returned; a tensor in an if, ?: or && counts as true whatever it holds: choose by where(), or return it and decide outside`,
  );
}

function original(program: Program, optimized: ProgramDescription): ProgramDescription {
  return originals.get(program) ?? optimized;
}

function differences(then: ProgramDescription, now: ProgramDescription): string[] {
  const problems: string[] = [];
  const count = Math.min(then.operations.length, now.operations.length);
  for (let i = 0; i < count; i++) {
    const a = then.operations[i] as OperationDescription;
    const b = now.operations[i] as OperationDescription;
    if (a.kernel !== b.kernel) {
      problems.push(`operation ${i} was ${a.kernel} and is ${b.kernel}`);
      return problems; // nothing after this is comparable
    }
    compareNumbers(`operation ${i} (${a.kernel})`, [...a.reals, ...a.integers], [...b.reals, ...b.integers], problems);
    if (a.kernel === 'constant') compareConstants(i, then, now, problems);
    else if (JSON.stringify(a.spans) !== JSON.stringify(b.spans))
      problems.push(`operation ${i} (${a.kernel}) uses other tensors`);
  }
  if (then.operations.length !== now.operations.length) {
    problems.push(`there were ${then.operations.length} operations and are ${now.operations.length}`);
  }
  return problems;
}

function compareNumbers(name: string, then: number[], now: number[], problems: string[]): void {
  then.forEach((value, k) => {
    if (!Object.is(value, now[k])) problems.push(`${name}: a number was ${value} and is ${now[k]}`);
  });
}

function compareConstants(i: number, then: ProgramDescription, now: ProgramDescription, problems: string[]): void {
  const bytes = (d: ProgramDescription) => {
    const span = d.operations[i]?.spans.find((s) => s.kind === 'constant');
    return Buffer.from(d.constants[span?.buffer ?? -1] ?? []);
  };
  if (!bytes(then).equals(bytes(now))) problems.push(`operation ${i}: values written by JavaScript have changed`);
}
