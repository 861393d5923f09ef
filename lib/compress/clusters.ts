// Weights that share few values.
import { allOrNothing } from '../all-or-nothing.js';
import { checkInteger, StateError } from '../errors.js';
import type { NamePattern } from '../nn/freeze.js';
import type { Module } from '../nn/module.js';
import { registerParametrization, removeParametrizations } from '../nn/parametrize.js';
import { listAt, type Parametrization } from '../nn/parametrize-list.js';
import { Buffer } from '../nn/roles.js';
import { to } from '../ops/copy.js';
import { tensor, zeros } from '../ops/creation.js';
import { indexSelect } from '../ops/indexing.js';
import { reshape } from '../ops/shape.js';
import { cat } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { checkOrder, checkOwn, finiteValue, Inserted, weightsOf } from './weights.js';

/** Options of {@link cluster}. */
export interface ClusterOptions {
  /** Values that a tensor's weights share, from 2 to 255, beside zero for those that are pruned; default 16. */
  clusters?: number;
  /** Which weights of two dimensions and more, by parts of their names or expressions. Default all but embeddings. */
  names?: NamePattern;
}

/** @internal A parametrization: each element is one of a few values, which are trained. */
export class Clusters extends Inserted implements Parametrization {
  /** uint8, in the shape of the weight: 0 for zero, else the number of the value, from 1. */
  readonly assignments: Tensor;
  /** What the values are at first; null once they are parameters. */
  private _centers: Float64Array | null;

  constructor(
    values: ArrayLike<number>,
    shape: readonly number[],
    private readonly _count: number,
  ) {
    super();
    this._centers = centersOf(values, _count);
    this.assignments = new Buffer(tensor(assigned(values, this._centers), { shape: [...shape] }));
  }

  get stage(): 'clustered' {
    return 'clustered';
  }

  forward(centers: Tensor): Tensor {
    const all = cat([zeros([1], { dtype: centers.dtype }), centers]);
    const chosen = indexSelect(all, 0, to(reshape(this.assignments, [-1]), 'int32'));
    return reshape(chosen, [...this.assignments.shape]);
  }

  rightInverse(weight: Tensor): Tensor {
    if (this._centers === null) {
      const got = `got one of ${this._count} values; make it permanent first: compress.makePermanent(model)`;
      throw new StateError(`Clusters: a weight must not be clustered when another is put in its place, ${got}`);
    }
    const centers = tensor(this._centers, { dtype: weight.dtype });
    this._centers = null;
    return centers;
  }

  override toString(): string {
    return `Clusters(${this._count})`;
  }
}

/**
 * Lets the weights of each tensor share few values, by k-means from values spread evenly between the least and the largest. The
 * values are trained on: each gets the sum of the gradients of its weights. Weights that are zero, such as pruned ones, stay
 * zero and need no value. In state dicts the values are `parametrizations.weight.original`, and who has which
 * `parametrizations.weight.0.assignments`, one byte a weight.
 *
 * Make optimizers afterwards: the values are new parameters, and one that was made before would train nothing. To load a
 * clustered model's state, cluster the same model first, into as many values.
 *
 * Han, Mao and Dally, "Deep compression", 2015, https://arxiv.org/abs/1510.00149
 *
 * @returns the model
 * @throws ArgumentError for a number of clusters outside of 2 to 255, names that match nothing, or weights that are not finite;
 *   StateError for weights that are prepared or quantised already, or computed by weight norm and the like
 * @example
 * const layer = compress.cluster(new nn.Linear(8, 4), { clusters: 4 });
 * new Set(layer.weight.toTypedArray()).size; // 4
 */
export function cluster<M extends Module>(model: M, options: ClusterOptions = {}): M {
  checkOptions('cluster', options, ['clusters', 'names']);
  const clusters = checkInteger('cluster', 'clusters', options.clusters ?? 16, 2, 255);
  allOrNothing(() => {
    const weights = weightsOf('cluster', model, options.names);
    const made = weights.map((weight) => {
      checkOrder('cluster', weight);
      checkOwn('cluster', weight);
      const value = finiteValue('cluster', weight);
      return new Clusters(value.toTypedArray(), value.shape, clusters);
    });
    for (const [i, { module, name }] of weights.entries()) {
      if (listAt(module, name) !== null) removeParametrizations(module, name); // a mask, whose zeros stay
      registerParametrization(module, name, made[i] as Clusters);
    }
  });
  return model;
}

// k-means in one dimension: sorted values fall into stretches between the middles of neighbouring centers.
function centersOf(values: ArrayLike<number>, clusters: number): Float64Array {
  const sorted = Float64Array.from(values)
    .filter((value) => value !== 0)
    .sort();
  const least = sorted[0] ?? 0;
  const largest = sorted.at(-1) ?? 0;
  let centers = Float64Array.from({ length: clusters }, (_, i) => least + ((largest - least) * (i + 0.5)) / clusters);
  for (let round = 0; round < 100; round++) {
    const next = centers.slice();
    let [i, moved] = [0, 0];
    for (let c = 0; c < clusters; c++) {
      const limit =
        c + 1 < clusters ? ((centers[c] as number) + (centers[c + 1] as number)) / 2 : Number.POSITIVE_INFINITY;
      let [sum, count] = [0, 0];
      for (; i < sorted.length && (sorted[i] as number) <= limit; i++) {
        sum += sorted[i] as number;
        count++;
      }
      if (count > 0) next[c] = sum / count;
      moved = Math.max(moved, Math.abs((next[c] as number) - (centers[c] as number)));
    }
    centers = next;
    if (moved === 0) break;
  }
  return centers;
}

// The number of the nearest center, from 1; 0 for zero.
function assigned(values: ArrayLike<number>, centers: Float64Array): Uint8Array {
  return Uint8Array.from(values, (value) => {
    if (value === 0) return 0;
    let [low, high] = [0, centers.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= ((centers[middle] as number) + (centers[middle + 1] as number)) / 2) high = middle;
      else low = middle + 1;
    }
    return low + 1;
  });
}
