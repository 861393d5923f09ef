// Metrics as `fit` and `evaluate` take them.
import { ArgumentError, describe, isPlain } from '../errors.js';
import { Tensor } from '../tensor.js';

/** A metric that is fed batch by batch, such as those of `metrics`. */
export interface StreamingMetric {
  // biome-ignore lint/suspicious/noExplicitAny: what it takes is what the model and the data make
  update(output: any, target: any, weights?: any): unknown;
  compute(): unknown;
  reset(): unknown;
}

/** A streaming metric, or a function of output and target, whose values are averaged over the samples. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Metric = StreamingMetric | ((output: any, target: any) => number | Tensor);

/** A streaming metric that several processes can put together, as all of `metrics` can. */
interface Mergeable extends StreamingMetric {
  merge(other: unknown): unknown;
  toJSON(): unknown;
}

/** @internal Metrics by name over one pass. */
export class Metrics {
  readonly names: readonly string[];
  readonly #metrics: readonly [string, StreamingMetric][];

  /** @param merges whether several processes put theirs together */
  constructor(operation: string, given: Readonly<Record<string, Metric>> | undefined, merges: boolean) {
    if (given !== undefined && !isPlain(given)) {
      const hint = '{ accuracy: new metrics.Accuracy() }, say';
      throw new ArgumentError(`${operation}: metrics must be an object of metrics, got ${describe(given)}; ${hint}`);
    }
    this.#metrics = Object.entries(given ?? {}).map(([name, metric]) => [name, streaming(operation, name, metric)]);
    this.names = this.#metrics.map(([name]) => name);
    const single = merges ? this.#metrics.find(([, metric]) => !isMergeable(metric)) : undefined;
    if (single !== undefined) {
      const rule = 'must have merge, toJSON and a static fromJSON to be that of all processes';
      throw new ArgumentError(`${operation}: metric ${single[0]} ${rule}, got ${describe(single[1])}`);
    }
  }

  reset(): void {
    for (const [, metric] of this.#metrics) metric.reset();
  }

  update(output: unknown, target: unknown, weights: Tensor | undefined, samples: number): void {
    for (const [, metric] of this.#metrics) {
      if (metric instanceof Mean) metric.add(output, target, samples);
      else if (weights === undefined) metric.update(output, target);
      else metric.update(output, target, weights);
    }
  }

  compute(): Record<string, number> {
    const values: Record<string, number> = {};
    for (const [name, metric] of this.#metrics) flatten(name, metric.compute(), values);
    return values;
  }

  /** What the metrics know, for other processes. */
  states(): unknown[] {
    return this.#metrics.map(([, metric]) => (metric as Mergeable).toJSON());
  }

  /** The values over the states of several processes. */
  computeOf(states: readonly (readonly unknown[])[]): Record<string, number> {
    const values: Record<string, number> = {};
    this.#metrics.forEach(([name, metric], i) => {
      const { constructor: Class } = metric as unknown as { constructor: { fromJSON(json: unknown): Mergeable } };
      const make = (state: unknown) => (metric instanceof Mean ? metric.of(state) : Class.fromJSON(state));
      const [first, ...others] = states.map((list) => make(list[i])) as [Mergeable, ...Mergeable[]];
      for (const other of others) first.merge(other);
      flatten(name, first.compute(), values);
    });
    return values;
  }
}

// Values by name: those of lists and objects get names of their own, `f1.0`.
function flatten(name: string, value: unknown, into: Record<string, number>): void {
  if (typeof value === 'number') into[name] = value;
  else if (value instanceof Tensor && value.size === 1) into[name] = value.item();
  else if (value instanceof Tensor) flatten(name, value.toArray(), into);
  else if (Array.isArray(value) || ArrayBuffer.isView(value) || isPlain(value)) {
    for (const [key, v] of Object.entries(value as object)) flatten(`${name}.${key}`, v, into);
  }
}

function streaming(operation: string, name: string, metric: unknown): StreamingMetric {
  const { update, compute, reset } = Object(metric) as Partial<StreamingMetric>;
  if ([update, compute, reset].every((method) => typeof method === 'function')) return metric as StreamingMetric;
  if (typeof metric === 'function') return new Mean(operation, name, metric as Mean['fn']);
  const rule = 'must have update, compute and reset, or be a function of output and target';
  throw new ArgumentError(`${operation}: metric ${name} ${rule}, got ${describe(metric)}`);
}

function isMergeable(metric: StreamingMetric): metric is Mergeable {
  const { merge, toJSON, constructor: Class } = metric as Partial<Mergeable>;
  const { fromJSON } = Object(Class) as { fromJSON?: unknown };
  return metric instanceof Mean || [merge, toJSON, fromJSON].every((method) => typeof method === 'function');
}

/** The mean of a function over the samples. */
class Mean implements Mergeable {
  #sum = 0;
  #count = 0;

  constructor(
    private readonly operation: string,
    private readonly name: string,
    readonly fn: (output: unknown, target: unknown) => number | Tensor,
  ) {}

  add(output: unknown, target: unknown, samples: number): void {
    const given = this.fn(output, target);
    const value = given instanceof Tensor && given.size === 1 ? given.item() : given;
    if (typeof value !== 'number') {
      throw new ArgumentError(`${this.operation}: metric ${this.name} must give a number, got ${describe(given)}`);
    }
    this.#sum += samples * value;
    this.#count += samples;
  }

  update(): void {}

  compute(): number {
    return this.#sum / this.#count;
  }

  reset(): void {
    this.#sum = 0;
    this.#count = 0;
  }

  toJSON(): [sum: number, count: number] {
    return [this.#sum, this.#count];
  }

  of(state: unknown): Mean {
    const made = new Mean(this.operation, this.name, this.fn);
    [made.#sum, made.#count] = state as [number, number];
    return made;
  }

  merge(other: Mean): void {
    this.#sum += other.#sum;
    this.#count += other.#count;
  }
}
