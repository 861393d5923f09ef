// What an operator sees of the node that calls it.
import { currentRecording, unrecorded } from '../../context.js';
import { ArgumentError } from '../../errors.js';
import type { Tensor } from '../../tensor.js';
import type { AttributeProto } from './messages.js';

/** What an edge of a graph carries: a tensor, a sequence of such, or nothing where an optional one is left out. */
export type Value = Tensor | readonly Tensor[] | undefined;

/** An operator: one result, or a list of results, from inputs. Inputs that the node leaves out are undefined. */
// biome-ignore lint/suspicious/noExplicitAny: each operator says which values it takes
export type Operator = (call: Call, ...inputs: any[]) => Tensor | readonly Value[];

/** Operators by name. */
export type Operators = Readonly<Record<string, Operator>>;

const knownTensors = new WeakSet<Tensor>();

/** Notes that a tensor depends on no data, only on constants and shapes, so that its values may decide what is computed. */
export function noteKnown(value: Value): void {
  for (const t of value === undefined ? [] : Array.isArray(value) ? value : [value as Tensor]) knownTensors.add(t);
}

export function isKnown(value: Value): boolean {
  if (value === undefined) return true;
  return Array.isArray(value) ? value.every((t) => knownTensors.has(t)) : knownTensors.has(value as Tensor);
}

const decoder = new TextDecoder();

/** A graph in an attribute, as a function of what its own inputs are. */
export type Body = (inputs: readonly Value[]) => readonly Value[];

/** A node and how it is called. */
export class Call {
  /** Whether the module is in training mode. */
  training = false;
  /** Graphs among the attributes. */
  bodies: ReadonlyMap<string, Body> = new Map();

  constructor(
    readonly name: string,
    readonly operator: string,
    /** The version of the set of operators. */
    readonly version: number,
    /** How many results are wanted: the place of the last that has a name. */
    readonly outputs: number,
    readonly attributes: ReadonlyMap<string, AttributeProto>,
    readonly tensors: ReadonlyMap<string, Tensor>,
  ) {}

  has(name: string): boolean {
    return this.attributes.has(name);
  }

  int(name: string, fallback = 0): number {
    const given = this.attributes.get(name);
    return given === undefined ? fallback : Number(given.i);
  }

  float(name: string, fallback = 0): number {
    return this.attributes.get(name)?.f ?? fallback;
  }

  text(name: string, fallback = ''): string {
    const given = this.attributes.get(name);
    return given === undefined ? fallback : decoder.decode(given.s);
  }

  texts(name: string): string[] {
    return (this.attributes.get(name)?.strings ?? []).map((s) => decoder.decode(s));
  }

  ints(name: string): number[] | undefined {
    return this.attributes.get(name)?.ints.map(Number);
  }

  floats(name: string): number[] | undefined {
    return this.attributes.get(name)?.floats;
  }

  /** The tensor in an attribute. */
  tensor(name: string): Tensor | undefined {
    return this.tensors.get(name);
  }

  body(name: string): Body {
    return this.bodies.get(name) ?? this.fail(`must have a graph ${name}, got none`);
  }

  /** The elements of an input that decides what is computed: a shape, axes, a condition. */
  numbers(t: Tensor): number[] {
    if (isKnown(t)) return unrecorded(() => [...t.toTypedArray()]);
    if (currentRecording() !== null) {
      this.fail('decides by the values of data what is computed, which a compiled step cannot; run it eagerly');
    }
    return [...t.toTypedArray()];
  }

  /** The same of an input that may be left out, or was an attribute in older versions. */
  list(t: Tensor | undefined, attribute: string): number[] | undefined {
    return t === undefined ? this.ints(attribute) : this.numbers(t);
  }

  /** An error that will name the node. */
  fail(rule: string): never {
    throw new ArgumentError(rule);
  }
}
