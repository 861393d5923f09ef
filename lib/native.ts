import type { TypedArray } from './dtype.js';
import { AllocationError, StateError } from './errors.js';
import { loadAddon } from './load.js';
import type { Reduction } from './ops/loss.js';
import type { LinearActivation } from './ops/matmul-linear.js';
import type { Priority } from './program/compile.js';
import type { Refusal } from './program/errors.js';
import { tracing } from './tracing.js';

/** The first value in a tensor that is out of range (a label, an index), found before anything was written. */
export interface Fault {
  position: number;
  value: number;
}

/**
 * A native kernel, called with numbers in the order of its C++ parameters: spans as handles (0: absent), lists of spans
 * as their count and then the handles, sizes and options as they are. `callWithLists` takes lists of any length.
 */
export type Kernel = (...args: number[]) => Fault | undefined;

/** A kernel's entry in the native table. */
export interface KernelEntry {
  family: string;
  /** The names of its C++ parameters, separated by spaces. */
  parameters: string;
  kinds: string[];
}

/** The native side of a compiled function; freed when it is collected. */
export type Runner = { readonly native: unique symbol };

/** The native side of a group of processes; closed when it is collected. */
export type NativeGroup = { readonly group: unique symbol };

/** What builds with Gloo can do with groups of processes. */
interface Groups {
  create(
    rank: number,
    size: number,
    address: string,
    firstPort: number,
    lastPort: number,
    timeout: number,
    key: string,
    certificate: string,
    authority: string,
    onStore: (key: string, value: Uint8Array | undefined) => void,
    onDone: (ticket: number, problem: string | undefined, lost: number) => void,
  ): NativeGroup;
  numberOf(group: NativeGroup): number;
  connect(group: NativeGroup, ticket: number): void;
  provide(group: NativeGroup, key: string, value: Uint8Array): void;
  run(
    group: NativeGroup,
    ticket: number,
    collective: number,
    handle: number,
    result: number,
    number: number,
    tag: number,
    name: string,
  ): void;
  /** By its number, from any thread. */
  abort(group: number, reason: string): void;
  close(group: NativeGroup, reason: string): void;
  /** Waits so many milliseconds for what others say of it. */
  problemOf(group: NativeGroup, patience: number): { problem: string; lost: number };
}

/** Called when steps are done or one has failed, with the total number done and how the failed one ended (0: none has). */
export type RunnerCallback = (
  completed: number,
  ending: number,
  operation: number,
  position: number,
  value: number,
) => void;

/** A span of a recorded operation. */
export interface SpanDescription {
  buffer: number;
  kind: 'arena' | 'input' | 'captured' | 'host' | 'constant';
  dtype: number;
  offset: number;
  length: number;
  read: boolean;
  written: boolean;
}

export interface OperationDescription {
  number: number;
  kernel: string;
  reals: number[];
  integers: number[];
  spans: SpanDescription[];
  /** Floating-point operations. */
  flops: number;
  /** Read and written. */
  bytes: number;
}

/** The contents of a program; `groups` lists the operations that are replayed, fused within a group. */
export interface ProgramDescription {
  operations: OperationDescription[];
  /** The buffers that are returned. */
  outputs: number[];
  constants: Record<string, Uint8Array>;
  groups: number[][];
  arenaBytes: number;
  places: number;
}

/** The codes of native enums, by the names of their enumerators. */
interface Codes {
  dtype: Record<string, number>;
  activation: Record<LinearActivation, number>;
  /** Of convolutions. */
  algorithm: Record<'fastest' | 'planes' | 'images' | 'winograd', number>;
  reduction: Record<Reduction, number>;
  priority: Record<Priority, number>;
  /** Why a step was refused. */
  refusal: Record<'none' | Refusal, number>;
  /** How a step ended. */
  ending: Record<'done' | 'stopped' | 'fault' | 'misfit' | 'noMemory', number>;
  /** Of builds with Gloo: what members do together, how values are put together, and what gradients are on the way. */
  collective: Record<string, number>;
  reduce: Record<'sum' | 'min' | 'max', number>;
  wire: Record<'full' | 'bfloat16', number>;
}

interface Native {
  allocate(token: object | undefined, tensor: object | undefined, dtype: number, length: number): number;
  view(token: object | undefined, tensor: object, handle: number, offset: number, length: number): number;
  watch(handle: number, token: object): void;
  release(handle: number): void;
  isUsed(handle: number): boolean;
  checkFree(handle: number, written: boolean, name: string): void;
  write(handle: number, source: TypedArray): void;
  read(handle: number, target: TypedArray): void;
  readNumber(handle: number, index: number): number;
  writes(handle: number): number;
  memoryStats(): MemoryStats;
  setErrors(makeError: (what: string, name: string) => Error): void;
  noteModule(module: object): void;
  liveModules(): object[];
  sweep(force: boolean): void;
  limitMemory(bytes: number): void;
  trim(): void;
  setThreads(count: number): void;
  getThreads(): number;
  buildInfo(): BuildInfo;
  markHost(handle: number, isGenerator: boolean): void;
  recordBegin(inputs: Int32Array): void;
  recordPause(paused: boolean): void;
  recordCount(): number;
  recordEnd(outputs: Int32Array): string | undefined;
  recordUndo(): void;
  recordForget(): void;
  runnerCreate(priority: number): Runner;
  runnerStart(runner: Runner, callback: RunnerCallback): void;
  runnerDispose(runner: Runner): void;
  programAdd(runner: Runner, faulty: Int32Array): number;
  programBind(runner: Runner, program: number): boolean;
  programTensors(runner: Runner, program: number): number[];
  programDrop(runner: Runner, program: number): boolean;
  submit(runner: Runner, program: number, count: number, handles: Int32Array): number;
  replay(runner: Runner, program: number, times: BigInt64Array | undefined, handles: Int32Array): number | number[];
  abort(runner: Runner): void;
  recover(runner: Runner): number;
  pausePrograms(): void;
  resumePrograms(): void;
  saveState(runner: Runner, program: number): void;
  exchangeState(runner: Runner, program: number): boolean;
  forgetState(runner: Runner): void;
  describeProgram(runner: Runner, program: number): ProgramDescription;
  describeRecording(): ProgramDescription;
  lockFile(descriptor: number): number;
  /** Null in a build without Gloo. */
  groups: Groups | null;
  codes: Codes;
  limits: {
    dimensions: number;
    tensors: number;
    threads: number;
    /** Too large for what belongs to a dimension of an image, and for the number of planes in pooling. */
    axis: number;
    /** Too large for a dimension or an image with its padding. */
    padded: number;
    /** More elements than this have positions beyond int32. */
    positions: number;
  };
  kernels: Record<string, Kernel>;
  kernelTable: Record<string, KernelEntry>;
}

/** The use of the process's native memory, in bytes except for `tensors` and `sweeps`. */
export interface MemoryStats {
  /** Live tensors of this JavaScript thread. */
  tensors: number;
  /** Bytes in use by tensors of all threads, rounded up to the pool's block sizes. */
  liveBytes: number;
  /** Bytes of free blocks kept for reuse. */
  cachedBytes: number;
  /** The largest live + cached so far. */
  peakBytes: number;
  /** The limit of live bytes: an allocation beyond it fails. */
  limitBytes: number;
  /** The number of times that this thread looked for tensors that JavaScript has lost. */
  sweeps: number;
}

/** How the native addon was built and what it chose at load. */
export interface BuildInfo {
  /** OpenBLAS's version and configuration. */
  blas: string;
  /** The CPU core that OpenBLAS runs its kernels for. */
  blasCore: string;
  /** The instruction-set level of the loops: `baseline`, `v3` (AVX2) or `v4` (AVX-512). */
  isa: string;
  /** Threads of the pool, this one included. */
  threads: number;
}

export const native = loadAddon() as Native;

/** The error that the native side throws in a call of `name`. */
export function nativeError(what: string, name: string): Error {
  if (what === 'locked') {
    return new StateError(
      `${name}: a tensor is in use by a compiled step or a collective that is running or queued; await it, or do it inside step.pause(() => …)`,
    );
  }
  if (what === 'memory') {
    return new AllocationError(`${name}: out of memory; free tensors or raise setMemoryLimit`);
  }
  return new Error(`internal: ${name}: ${what}`);
}

native.setErrors(nativeError);

// JavaScript's stack holds some 100,000 arguments; far fewer are already faster in an array.
const maxArguments = 200;

/** Calls a kernel whose lists may be of any length. */
export function callWithLists(run: Kernel, args: readonly number[]): Fault | undefined {
  return args.length <= maxArguments ? run(...args) : (run as unknown as PackedKernel)(new Float64Array(args));
}

type PackedKernel = (args: Float64Array) => Fault | undefined;

/**
 * The kernel of that name, looked up when a module loads: a wrong name, or parameters that are not those of its C++
 * function, show at once.
 */
export function kernel(name: string, parameters: string): Kernel {
  const entry = native.kernelTable[name];
  if (entry === undefined) throw new Error(`internal: the native addon has no kernel ${name}; rebuild it`);
  if (entry.parameters !== parameters) {
    throw new Error(
      `internal: kernel ${name} has the parameters (${entry.parameters}), got (${parameters}); rebuild the addon`,
    );
  }
  const run = native.kernels[name] as Kernel;
  // Arguments that are only passed on need no array.
  return (...args) => (tracing.current === null ? run(...args) : traced(name, run, ...args));
}

function traced(name: string, run: Kernel, ...args: Parameters<Kernel>): ReturnType<Kernel> {
  tracing.current?.kernel(name, args);
  return run(...args);
}
