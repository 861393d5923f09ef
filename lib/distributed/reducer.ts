// Averages gradients over a group while `backward` computes others.

import { noGrad } from '../autograd/tape.js';
import type { LeafWatcher } from '../backward/watch.js';
import { currentRecording, unrecorded } from '../context.js';
import { ArgumentError, StateError } from '../errors.js';
import { clone } from '../ops/copy.js';
import { zerosLike } from '../ops/creation.js';
import type { Wire } from '../ops/distributed.js';
import { add } from '../ops/elementwise.js';
import type { Tensor } from '../tensor.js';
import type { ErrorFeedback } from './error-feedback.js';
import { type Exchange, largest, whole } from './exchange.js';
import type { ProcessGroup } from './process-group.js';
import { gatherNumbers } from './reduce.js';

const name = 'DistributedDataParallel';

/** @internal */
export interface ReducerOptions {
  readonly bucketBytes: number;
  readonly wire: Wire;
  /** Which part of the gradients is sent, and what keeps the rest; null: all of them. */
  readonly compression: { readonly topK: number; readonly feedback: ErrorFeedback } | null;
  readonly findUnusedParameters: boolean;
}

interface Bucket {
  readonly params: readonly Tensor[];
  /** Of this pass, by their places. */
  readonly totals: (Tensor | undefined)[];
  ready: number;
  readonly exchange: Exchange;
  /** Of what is under way. */
  end: (() => void) | null;
}

/** How many buckets there are at least: with one nothing would overlap. */
const fewest = 3;

/**
 * @internal Gathers gradients in buckets, in the order in which the first backward pass completes them, and reduces a bucket as
 * soon as it and all before it are full: all processes reduce the same buckets in the same order.
 */
export class Reducer implements LeafWatcher {
  readonly #group: ProcessGroup;
  readonly #params: ReadonlyMap<Tensor, string>;
  readonly #options: ReducerOptions;
  #buckets: readonly Bucket[] = [];
  #places = new Map<Tensor, readonly [bucket: Bucket, place: number]>();
  /** Gradients of this pass in the order in which they came. */
  #totals = new Map<Tensor, Tensor>();
  #begun = 0;
  /** Whether gradients stay in this process. */
  isLocal = false;
  /** Whether processes without data stand in for their passes: these have no order of their own. */
  isJoined = false;

  constructor(group: ProcessGroup, params: ReadonlyMap<Tensor, string>, options: ReducerOptions) {
    this.#group = group;
    this.#params = params;
    this.#options = options;
  }

  ready(leaf: Tensor, gradient: Tensor): void {
    if (this.isLocal) return;
    const before = leaf._grad;
    this.#take(
      leaf,
      noGrad(() => (before === null || before.disposed ? clone(gradient) : add(before, gradient))),
    );
  }

  /** From now on others may stand in for passes of this process, and it for theirs. */
  join(): void {
    if (this.#options.findUnusedParameters) {
      throw new ArgumentError('join: findUnusedParameters must be false, got true');
    }
    this.isJoined = true;
  }

  /** Takes part in a pass of the others without gradients of its own. */
  standIn(): void {
    for (const param of this.#awaited())
      this.#take(
        param,
        noGrad(() => zerosLike(param)),
      );
    this.finish(false);
  }

  #take(leaf: Tensor, total: Tensor): void {
    this.#totals.set(leaf, total);
    const place = this.#places.get(leaf);
    if (place === undefined) return;
    const [bucket, at] = place;
    bucket.totals[at] = total;
    bucket.ready++;
    this.#begin();
  }

  // A recorded step is recorded anew when the buckets are no longer those with which it was.
  #follow(): void {
    const buckets = this.#buckets;
    currentRecording()?.follow({ holds: () => this.#buckets === buckets, isDue: () => false, advance: () => () => {} });
  }

  #begin(): void {
    const buckets = this.#buckets;
    for (let bucket = buckets[this.#begun]; bucket?.ready === bucket?.params.length; bucket = buckets[this.#begun]) {
      if (bucket === undefined) return;
      bucket.end = bucket.exchange(bucket.totals.slice() as Tensor[]);
      this.#begun++;
    }
  }

  finish(createGraph: boolean): Map<Tensor, Tensor> {
    if (this.isLocal) return new Map();
    if (createGraph) {
      throw new StateError(
        `${name}: gradients of gradients must be taken of the module inside, got backward with createGraph`,
      );
    }
    const own = new Set(this.#totals.keys());
    this.#fill();
    const order = this.#newcomers();
    if (order.length > 0) this.#addBuckets(order);
    this.#follow();
    this.#begin();
    const used = this.#usedAnywhere(own); // after all buckets have begun: they do so earlier in one process than in another
    for (const { end } of this.#buckets) end?.();
    const results = new Map([...this.#totals].filter(([param]) => used.has(param)));
    // The next pass overlaps; a step that is being recorded does so when it is recorded again.
    if (order.length > 0 && currentRecording() !== null) this.#buckets = [...this.#buckets];
    this.#reset();
    return results;
  }

  /** The others wait for what this process does not send: they must learn of it. */
  cancel(): void {
    if (!this.isLocal) this.#group._abort(`rank ${this.#group.ranks[this.#group.rank]} has failed in backward`);
    this.#reset();
  }

  #reset(): void {
    this.#totals = new Map();
    this.#begun = 0;
    for (const bucket of this.#buckets) {
      bucket.totals.fill(undefined);
      bucket.ready = 0;
      bucket.end = null;
    }
  }

  /** The parameters of each pass. */
  #awaited(): Tensor[] {
    return [...this.#params.keys()].filter((param) => param.requiresGrad || this.#places.has(param));
  }

  /** Gives parameters that got no gradient zeros, or says which these are. Frozen ones are left out until they are not. */
  #fill(): void {
    const missing = this.#awaited().filter((param) => !this.#totals.has(param));
    const unused = missing.filter((param) => param.requiresGrad); // others have been frozen since
    if (unused.length > 0 && !this.#options.findUnusedParameters) {
      const names = unused.slice(0, 5).map((param) => this.#params.get(param));
      const more = unused.length > 5 ? ` and ${unused.length - 5} more` : '';
      throw new StateError(
        `${name}: every parameter must take part in the loss, but ${names.join(', ')}${more} got no gradient; give findUnusedParameters: true if that is meant`,
      );
    }
    for (const param of missing) {
      const zeros = noGrad(() => zerosLike(param));
      this.ready(param, zeros);
      zeros.dispose();
    }
  }

  /** The parameters that got a gradient in some process: what no process uses stays as it is. */
  #usedAnywhere(own: ReadonlySet<Tensor>): ReadonlySet<Tensor> {
    if (!this.#options.findUnusedParameters) return own;
    const params = [...this.#params.keys()];
    const flags = params.map((param) => Number(own.has(param)));
    const all = unrecorded(() => gatherNumbers(name, this.#group, flags));
    return new Set(params.filter((param, i) => param.requiresGrad && all.some((list) => list[i] === 1)));
  }

  /**
   * Parameters that are in no bucket yet, all of them in the first pass: in the order of this pass or, where each process has
   * another one, as parameters may be unused or data may have ended, in the reverse of the model's.
   */
  #newcomers(): readonly Tensor[] {
    const isOwn = this.#options.findUnusedParameters || this.isJoined;
    const order = isOwn ? [...this.#params.keys()].reverse() : [...this.#totals.keys()];
    return order.filter((param) => this.#totals.has(param) && !this.#places.has(param));
  }

  #addBuckets(order: readonly Tensor[]): void {
    this.#checkOrder(order);
    const total = order.reduce((sum, param) => sum + bytesOf(param), 0);
    const limit = Math.min(this.#options.bucketBytes, Math.ceil(total / fewest));
    const groups: Tensor[][] = [];
    let size = Number.POSITIVE_INFINITY;
    let dtype = '';
    for (const param of order) {
      if (size >= limit || param.dtype !== dtype) {
        groups.push([]);
        size = 0;
        dtype = param.dtype;
      }
      groups.at(-1)?.push(param);
      size += bytesOf(param);
    }
    const added = groups.map((params) => {
      const totals = params.map((param) => this.#totals.get(param));
      const bucket: Bucket = { params, totals, ready: params.length, exchange: this.#exchange(params), end: null };
      params.forEach((param, i) => {
        this.#places.set(param, [bucket, i]);
      });
      return bucket;
    });
    this.#buckets = [...this.#buckets, ...added];
  }

  #exchange(params: readonly Tensor[]): Exchange {
    const { compression, wire } = this.#options;
    if (compression === null) return whole(name, this.#group, wire);
    const { topK, feedback } = compression;
    return largest(name, this.#group, topK, (dtype) => feedback._restOf(params, dtype));
  }

  /** Buckets must be the same everywhere. */
  #checkOrder(order: readonly Tensor[]): void {
    const names = [...this.#params.keys()];
    let hash = 17;
    for (const param of order) hash = (hash * 31 + names.indexOf(param)) % 2 ** 40;
    const all = unrecorded(() => gatherNumbers(name, this.#group, [hash, this.#options.bucketBytes]));
    const other = all.findIndex(([h, b]) => h !== hash || b !== this.#options.bucketBytes);
    if (other < 0) return;
    throw new ArgumentError(
      `${name}: all processes must compute gradients in the same order with the same bucketBytes, but rank ${this.#group.ranks[other]} differs from this one`,
    );
  }
}

function bytesOf({ size, dtype }: Tensor): number {
  return size * (dtype === 'float64' ? 8 : 4);
}
