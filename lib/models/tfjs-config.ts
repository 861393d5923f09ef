// What a layer of TensorFlow.js says of itself, checked.
import { describe, FileError, formatShape } from '../errors.js';
import type { Module } from '../nn/index.js';
import { tensor } from '../ops/creation.js';
import type { Tensor } from '../tensor.js';
import type { TfjsWeight } from './tfjs-files.js';

/** @internal A layer: what it learns, and what it computes with it. */
export interface TfjsLayer {
  /** What has parameters or a mode: one module, or several by name. */
  readonly module?: object;
  /** How many tensors it gives; default 1. */
  readonly outputs?: number;
  readonly run: (module: Held, xs: readonly Tensor[], training: boolean) => Tensor | readonly Tensor[];
}

/** @internal */
export interface TfjsContext {
  readonly source: string;
  readonly weights: ReadonlyMap<string, TfjsWeight>;
  /** Makes a layer inside of a layer, whose weights begin with the names that `owner` says. */
  readonly make: (json: unknown, owner: LayerConfig | null, direction?: string) => TfjsLayer;
}

/** @internal What `run` has from a layer's own modules. */
// biome-ignore lint/suspicious/noExplicitAny: those that the same layer made
export type Held = any;

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());

/** @internal The configuration of a layer, whose names may be written as Python or as JavaScript does. */
export class LayerConfig {
  constructor(
    readonly context: TfjsContext,
    readonly kind: string,
    readonly name: string,
    readonly json: Readonly<Record<string, unknown>>,
    readonly owner: string = name,
    readonly direction: string = '',
  ) {}

  fail(rule: string): FileError {
    return new FileError(`fromTfjs: ${this.context.source} layer ${describe(this.name)} (${this.kind}) ${rule}`);
  }

  get(name: string): unknown {
    return this.json[name] ?? this.json[camel(name)] ?? undefined;
  }

  integer(name: string, fallback?: number, min = 1): number {
    const value = this.get(name) ?? fallback;
    if (Number.isSafeInteger(value) && (value as number) >= min) return value as number;
    throw this.fail(`must have an integer of at least ${min} as ${name}, got ${describe(value)}`);
  }

  number(name: string, fallback: number): number {
    const value = this.get(name) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.fail(`must have a number as ${name}, got ${describe(value)}`);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.get(name) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.fail(`must have true or false as ${name}, got ${describe(value)}`);
  }

  /** `n` integers; one number stands for all of them. */
  integers(name: string, n: number | null, fallback?: number | readonly number[], min = 1): number[] {
    const value = this.get(name) ?? fallback;
    const list = Number.isSafeInteger(value) && n !== null ? new Array<unknown>(n).fill(value) : value;
    if (
      Array.isArray(list) &&
      (n === null || list.length === n) &&
      list.every((v) => Number.isSafeInteger(v) && v >= min)
    )
      return list;
    throw this.fail(`must have ${n ?? 'a list of'} integers of at least ${min} as ${name}, got ${describe(value)}`);
  }

  /** Refuses other values than these; the first is that of a file which does not say. */
  oneOf<T>(name: string, ...values: readonly T[]): T {
    const value = this.get(name) ?? values[0];
    if (values.includes(value as T)) return value as T;
    throw this.fail(`must have ${values.map(describe).join(' or ')} as ${name} here, got ${describe(value)}`);
  }

  /** A weight of `rank` dimensions; -1 is any size. */
  weight(name: string, shape: readonly number[]): Tensor {
    const found = this.#find(name);
    if (found === undefined) throw this.fail(`must have a weight ${name}, which is not in weightsManifest`);
    const fits = found.shape.length === shape.length && shape.every((n, i) => n < 0 || n === found.shape[i]);
    if (fits) return tensor(found.data, { shape: found.shape });
    const wanted = `[${shape.map((n) => (n < 0 ? 'any' : n)).join(', ')}]`;
    throw this.fail(`must have a weight ${name} of shape ${wanted}, got ${formatShape(found.shape)}`);
  }

  #find(name: string): TfjsWeight | undefined {
    const exact = this.context.weights.get(`${this.owner}/${name}`);
    if (exact !== undefined && this.direction === '') return exact;
    const begin = `${this.owner}/${this.direction}`;
    for (const [key, found] of this.context.weights) {
      if (key.startsWith(begin) && key.endsWith(`/${name}`)) return found;
    }
    return undefined;
  }

  /** Makes the layer in this one. */
  inner(name: string, direction = ''): TfjsLayer {
    return this.context.make(this.get(name), this, direction);
  }
}

/** @internal A module with weights: by their names in it. */
export function filled<M extends Module>(module: M, weights: Readonly<Record<string, Tensor | null>>): M {
  const own = module.stateDict();
  for (const [name, t] of Object.entries(weights)) if (t !== null) own.set(name, t);
  module.loadStateDict(own);
  return module;
}
