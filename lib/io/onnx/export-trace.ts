// What a forward pass computes, as a list of its kernels. Tensors are parts of storages: views share one, and kernels in
// place change it.
import { running, watched } from '../../autograd/anomaly.js';
import { noGrad } from '../../autograd/tape.js';
import { type DType, dtypeTraits, type TypedArray } from '../../dtype.js';
import { StateError } from '../../errors.js';
import { scope } from '../../memory.js';
import { type KernelEntry, native } from '../../native.js';
import type { Tensor } from '../../tensor.js';
import { type Numbers, type Tracer, tracing, untraced } from '../../tracing.js';

/** Memory that tensors share. */
export interface Storage {
  readonly id: number;
  /** The shape of the tensor that it was made for. */
  readonly dims: readonly number[];
  readonly dtype: DType;
  /** Whether its content depends on the inputs of the model. */
  dynamic: boolean;
  /** Whether a kernel has written all of it, other than parts or a number throughout. */
  whole: boolean;
}

/** A tensor as a kernel reads or writes it. */
export interface Ref {
  readonly storage: Storage;
  /** Of its first element in the storage. */
  readonly offset: number;
  readonly dims: readonly number[];
  /** Its content if that does not depend on the inputs. */
  constant: Constant | null;
}

export interface Constant {
  /** A parameter's or buffer's name, or null. */
  readonly name: string | null;
  readonly dtype: DType;
  readonly values: () => TypedArray;
}

/** A kernel that has run. */
export interface Call {
  readonly kernel: string;
  readonly tensors: ReadonlyMap<string, Ref | readonly (Ref | null)[] | null>;
  readonly numbers: ReadonlyMap<string, number | readonly number[]>;
  readonly written: readonly Ref[];
  readonly dynamic: boolean;
  /** The operation that has called it last, where it is one of those with gradients. */
  operation: string | null;
  /** The module whose forward pass it belongs to. */
  readonly layer: object | null;
}

export interface Trace {
  readonly inputs: readonly Ref[];
  readonly calls: readonly Call[];
  readonly outputs: readonly Ref[];
}

type Operands = Map<string, Ref | readonly (Ref | null)[] | null>;

class Recorder implements Tracer {
  readonly calls: Call[] = [];
  private readonly byHandle = new Map<number, Tensor>();
  private readonly places = new WeakMap<Tensor, { storage: Storage; offset: number }>();
  private readonly constants = new Map<Tensor, { writes: number; values: TypedArray }>();
  private count = 0;

  constructor(
    private readonly names: ReadonlyMap<Tensor, string>,
    private readonly running: readonly object[],
  ) {}

  uses(t: Tensor): void {
    this.byHandle.set(t._handle, t);
  }

  views(y: Tensor, x: Tensor, offset: number): void {
    const place = this.placeOf(x);
    this.places.set(y, { storage: place.storage, offset: place.offset + offset });
  }

  touches(operation: string, remedy: string): never {
    throw new StateError(
      `io.onnx.export: ${operation} reads or writes values in JavaScript, on which the graph cannot depend; ${remedy}`,
    );
  }

  kernel(name: string, given: readonly number[]): void {
    const args =
      given.length === 1 && ArrayBuffer.isView(given[0]) ? Array.from(given[0] as unknown as Float64Array) : given;
    const { parameters, kinds } = native.kernelTable[name] as KernelEntry;
    const names = parameters.split(' ');
    const tensors: Operands = new Map();
    const numbers = new Map<string, number | readonly number[]>();
    const outs: Ref[] = [];
    const reads: [Ref, Tensor][] = [];
    let dynamic = false;
    let next = 0;
    let at = 0;
    const read = (kind: string): Ref | null => {
      const handle = args[at++] as number;
      if (handle === 0) return null;
      const t = this.byHandle.get(handle) as Tensor;
      const ref = this.refOf(t);
      const isWritten = kind.startsWith('out') || kind.startsWith('inOut');
      if (isWritten) outs.push(ref);
      if (kind.startsWith('out')) return ref;
      dynamic ||= ref.storage.dynamic;
      if (name !== 'stridedAssign' || !isWritten || ref.storage.whole) reads.push([ref, t]);
      return ref;
    };
    for (const kind of kinds) {
      if (kind === 'workspace') continue;
      const parameter = names[next++] as string;
      if (kind === 'integers') numbers.set(parameter, args.slice(at));
      else if (kind === 'integer' || kind === 'real') numbers.set(parameter, args[at++] as number);
      else if (kind.endsWith('s')) {
        const length = args[at++] as number;
        tensors.set(
          parameter,
          Array.from({ length }, () => read(kind)),
        );
      } else tensors.set(parameter, read(kind));
    }
    // A part of a tensor that does not depend on the inputs may belong to one that does.
    if (dynamic || name === 'stridedAssign') for (const [ref, t] of reads) this.fix(ref, t);
    this.note(name, tensors, numbers, dynamic, outs);
  }

  whole(name: string, inputs: readonly (Tensor | null)[], numbers: Numbers, run: () => Tensor): Tensor {
    const refs = inputs.map((t) => t && this.refOf(t));
    const dynamic = refs.some((ref) => ref?.storage.dynamic);
    if (dynamic) for (const [i, ref] of refs.entries()) if (ref !== null) this.fix(ref, inputs[i] as Tensor);
    const y = untraced(run);
    const result = this.refOf(y);
    const tensors: Operands = new Map<string, Ref | readonly (Ref | null)[]>([
      ['y', result],
      ['inputs', refs],
    ]);
    this.note(name, tensors, new Map(Object.entries(numbers)), dynamic, [result]);
    return y;
  }

  private note(
    kernel: string,
    tensors: Operands,
    numbers: Call['numbers'],
    dynamic: boolean,
    outs: readonly Ref[],
  ): void {
    for (const { storage, dims } of outs) {
      if (dynamic || dims.reduce((a, b) => a * b, 1) === storage.dims.reduce((a, b) => a * b, 1)) {
        storage.dynamic = dynamic;
      }
      if (kernel !== 'stridedAssign') storage.whole = kernel !== 'fill';
    }
    this.calls.push({
      kernel,
      tensors,
      numbers,
      dynamic,
      written: outs,
      operation: null,
      layer: this.running.at(-1) ?? null,
    });
  }

  /** An operation has ended. */
  made(name: string): void {
    const last = this.calls.at(-1);
    if (last !== undefined) last.operation ??= name;
  }

  /** A tensor as an input of the model. */
  input(t: Tensor): Ref {
    this.placeOf(t).storage.dynamic = true;
    return this.refOf(t);
  }

  output(t: Tensor): Ref {
    const ref = this.refOf(t);
    this.fix(ref, t);
    return ref;
  }

  private refOf(t: Tensor): Ref {
    return { ...this.placeOf(t), dims: t.dims, constant: null };
  }

  private fix(ref: Ref, t: Tensor): void {
    if (!ref.storage.dynamic) ref.constant = this.constantOf(t);
  }

  private placeOf(t: Tensor): { storage: Storage; offset: number } {
    let place = this.places.get(t);
    if (place === undefined) {
      place = { storage: { id: this.count++, dims: t.dims, dtype: t.dtype, dynamic: false, whole: false }, offset: 0 };
      this.places.set(t, place);
    }
    return place;
  }

  // Read when the graph first needs them, parameters after the forward pass; the others are copied where they may change.
  private constantOf(t: Tensor): Constant {
    const name = this.names.get(t) ?? null;
    const read = (): TypedArray => {
      const values = new dtypeTraits[t.dtype].array(t.size);
      native.read(t._handle, values);
      return values;
    };
    if (name !== null) return { name, dtype: t.dtype, values: read };
    const writes = native.writes(t._handle);
    let known = this.constants.get(t);
    if (known?.writes !== writes) {
      known = { writes, values: read() };
      this.constants.set(t, known);
    }
    const { values } = known as { values: TypedArray };
    return { name, dtype: t.dtype, values: () => values };
  }
}

/**
 * Runs `forward`, and notes its kernels.
 *
 * @param names those of parameters and buffers
 * @param forward returns its outputs
 */
export function traceOf(
  inputs: readonly Tensor[],
  names: ReadonlyMap<Tensor, string>,
  forward: () => readonly Tensor[],
): Trace {
  const recorder = new Recorder(names, running);
  let trace: Trace | undefined;
  const before = tracing.current;
  scope(() => {
    const ins = inputs.map((t) => recorder.input(t));
    tracing.current = recorder;
    try {
      const outputs = noGrad(() => watched({ made: (name) => recorder.made(name), returned() {} }, forward));
      trace = { inputs: ins, calls: relevant(recorder.calls), outputs: outputs.map((t) => recorder.output(t)) };
    } finally {
      tracing.current = before;
    }
  });
  return trace as Trace;
}

// Calls that depend on the inputs, and those that write tensors in part of which others do: a tensor that is made once and
// kept, of a number say, is written in the first trace alone.
function relevant(calls: readonly Call[]): Call[] {
  const shared = new Set(calls.flatMap((call) => (call.dynamic ? call.written.map(({ storage }) => storage) : [])));
  return calls.filter((call) => call.dynamic || call.written.some(({ storage }) => shared.has(storage)));
}
