import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { recordFused } from '../autograd/fused.js';
import { isRecorded } from '../autograd/tape.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, DTypeError, formatShape, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { checkFloat, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { checkOperands, type Layout, packedLayout, readableMask, separateLayout } from './attention-layout.js';
import { ones } from './creation.js';
import { add, mul } from './elementwise.js';
import { eq, logicalAnd, logicalNot, where } from './elementwise-compare.js';
import type { Generator } from './generator.js';
import { maskedFill } from './indexing.js';
import { matmul } from './matmul.js';
import { checkGenerator, drawnFrom } from './random.js';
import { dropout as dropoutOp } from './random-dropout.js';
import { any } from './reduce.js';
import { expand, reshape, tril } from './shape.js';
import { softmax } from './softmax.js';

const layoutNumbers = 'batch,heads,queries,keys,width,valueWidth,causal,strides';
const attentionKernel = kernel('attention', `y logSum state start q k v mask bias scale dropout ${layoutNumbers}`);
const attentionBackwardKernel = kernel(
  'attentionBackward',
  `dq dk dv dy y logSum start q k v mask bias scale dropout ${layoutNumbers}`,
);
const attentionKeptKernel = kernel('attentionKept', 'kept start rows keys dropout');

/** Options of `scaledDotProductAttention`. */
export interface AttentionOptions {
  /**
   * Broadcasts to [batch, heads, queries, keys]: uint8, where 1 lets a query see a key and 0 does not; or of q's dtype,
   * added to the scores. Default: none.
   */
  attnMask?: Tensor | null;
  /** Probability with which each attention weight is set to 0; default 0. */
  dropoutP?: number;
  /** Whether query i sees the keys 0 … i + causalOffset only; default false. */
  isCausal?: boolean;
  /** The factor of the scores; default 1 / √width. */
  scale?: number | null;
  /** Whether each head of k and v serves several heads of q, one after the other; default false. */
  enableGqa?: boolean;
  /** The number of keys before the first query's own, such as those of earlier tokens; default 0. */
  causalOffset?: number;
  /** Where dropout's numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
  /** Heads side by side in the last dimension: q is [batch, queries, heads · width]. Default: none. */
  heads?: number;
}

type AttentionArguments = Positional<
  AttentionOptions,
  [attnMask: 'attnMask', dropoutP: 'dropoutP', isCausal: 'isCausal', scale: 'scale', enableGqa: 'enableGqa']
>;

const positions = ['attnMask', 'dropoutP', 'isCausal', 'scale', 'enableGqa'];
const named = ['causalOffset', 'generator', 'heads'];

/** @internal The checked arguments of attention. */
export interface AttentionPlan {
  name: string;
  layout: Layout;
  /** uint8: 1 where a query sees a key. */
  mask?: Tensor | undefined;
  /** Added to the scores. */
  bias?: Tensor | undefined;
  /** 0, or 1 more than the last key that query 0 sees. */
  causal: number;
  scale: number;
  dropout: number;
  generator: Generator;
}

/**
 * Attention: y = softmax(q · kᵀ · scale + attnMask) · v, the softmax along the keys. In tiles, so that memory grows with the
 * number of rows and not with its square. A query that sees no key gives 0, as in PyTorch 2.5 and later (earlier: NaN).
 *
 * | q | k | v | y |
 * |---|---|---|---|
 * | […, queries, width] | […, keys, width] | […, keys, valueWidth] | […, queries, valueWidth] |
 *
 * The leading dimensions, usually [batch, heads], are the same; with `enableGqa`, k and v may have fewer heads. With `heads`,
 * q, k, v and y are […, rows, heads · width], the layout of projections: nothing is copied. A float mask that wants a gradient costs the matrix of scores.
 *
 * Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762; Dao et al., "FlashAttention", 2022,
 * https://arxiv.org/abs/2205.14135
 *
 * @param args attnMask (none), dropoutP (0), isCausal (false), scale (1 / √width), enableGqa (false); options: causalOffset (0),
 *   generator, heads
 * @throws ShapeError when shapes do not fit; DTypeError when dtypes differ or are not floats; ArgumentError for an option
 * @example
 * const [q, k, v] = [randn([2, 4, 16, 8]), randn([2, 4, 16, 8]), randn([2, 4, 16, 8])];
 * const y = scaledDotProductAttention(q, k, v, { isCausal: true }); // [2, 4, 16, 8]
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, ...args: AttentionArguments): Tensor {
  const name = 'scaledDotProductAttention';
  [q, k, v].forEach((x, i) => {
    checkTensor(name, 'qkv'[i] as string, x);
    checkFloat(name, 'qkv'[i] as string, x);
  });
  checkSameDType(name, ['q', 'k', 'v'], [q, k, v]);
  const o = optionsOf<AttentionOptions>(name, args, positions, named, ['attnMask', 'scale']);
  const heads = o.heads === undefined ? 0 : checkInteger(name, 'heads', o.heads, 1);
  const [keys, values] = checkFlag(name, 'enableGqa', o.enableGqa, false) ? shared(name, q, k, v, heads) : [k, v];
  checkOperands(name, q, keys, values);
  const layout = heads === 0 ? separateLayout(q, keys, values) : packedLayout(name, [q, k, v], heads, false);
  const offset = checkInteger(name, 'causalOffset', o.causalOffset ?? 0);
  const generator = checkGenerator(name, o.generator);
  const p = checkNumber(name, 'dropoutP', o.dropoutP ?? 0, { min: 0, max: 1 });
  const mask = o.attnMask ?? null;
  if (mask !== null) checkMask(name, mask, layout, q);
  const bool = mask?.dtype === 'uint8';
  return attend([q, keys, values], {
    ...{ name, layout, generator, mask: bool ? mask : undefined, bias: bool ? undefined : (mask ?? undefined) },
    causal: checkFlag(name, 'isCausal', o.isCausal, false) ? offset + 1 : 0,
    scale: (o.scale ?? null) === null ? defaultScale(layout) : checkNumber(name, 'scale', o.scale),
    dropout: p,
  });
}

// Keys and values with q's number of heads: each of their heads repeated.
function shared(name: string, q: Tensor, k: Tensor, v: Tensor, heads: number): [Tensor, Tensor] {
  if (heads > 0)
    throw new ArgumentError(`${name}: enableGqa needs heads in a dimension of their own, got heads ${heads}`);
  const repeated = (label: string, x: Tensor): Tensor => {
    const [wanted, own] = [q.dims[q.rank - 3], x.dims[x.rank - 3]];
    if (wanted === own) return x;
    if (wanted === undefined || own === undefined || own === 0 || wanted % own !== 0) {
      const rule = `heads of ${label} must divide those of q`;
      throw new ShapeError(`${name}: ${rule}, got q ${formatShape(q.dims)} and ${label} ${formatShape(x.dims)}`);
    }
    const [outer, inner] = [x.dims.slice(0, -2), x.dims.slice(-2)];
    const wide = expand(reshape(x, [...outer, 1, ...inner]), [...outer, wanted / own, ...inner]);
    return reshape(wide, [...outer.slice(0, -1), wanted, ...inner]);
  };
  return [repeated('k', k), repeated('v', v)];
}

/** @internal 1 / √width. */
export const defaultScale = (a: Layout): number => 1 / Math.sqrt(Math.max(a.width, 1));

function checkMask(name: string, mask: Tensor, a: Layout, q: Tensor): void {
  checkTensor(name, 'attnMask', mask);
  if (mask.dtype !== 'uint8' && mask.dtype !== q.dtype) {
    throw new DTypeError(
      `${name}: attnMask must be uint8 or ${q.dtype} as q is, got ${mask.dtype}; convert it by to(dtype)`,
    );
  }
  const fits = mask.dims.every((n, i) => n === 1 || n === a.scores[a.scores.length - mask.rank + i]);
  if (!fits || mask.rank > a.scores.length) {
    const rule = `attnMask must broadcast to the scores ${formatShape(a.scores)}`;
    throw new ShapeError(`${name}: ${rule}, got attnMask ${formatShape(mask.dims)}`);
  }
}

/** @internal Attention of inputs in the plan's layout: q, k and v, or one tensor with all of them. */
export function attend(inputs: readonly Tensor[], plan: AttentionPlan): Tensor {
  if (isRecorded([plan.bias])) return attendComposed(inputs, plan).y;
  const { layout: a, scale, generator } = plan;
  const x = inputs[0] as Tensor;
  const packed = inputs.length === 1;
  const mask = plan.mask && readableMask(plan.mask, a);
  const bias = plan.bias && readableMask(plan.bias, a);
  const p = a.keys === 0 ? 0 : plan.dropout;
  const numbers = [
    ...[scale, p, a.batch, a.heads, a.queries, a.keys, a.width, a.valueWidth, plan.causal, ...a.strides],
    ...(mask?.strides ?? [0, 0, 0]),
    ...(bias?.strides ?? [0, 0, 0]),
  ];
  const operands = (): number[] => {
    const [q, k = q, v = q] = inputs.map((t) => t.handle);
    return [q as number, k as number, v as number, mask?.mask.handle ?? 0, bias?.mask.handle ?? 0];
  };
  const y = empty(a.shape, x.dtype);
  const logSum = empty([a.batch, a.heads, a.queries], x.dtype);
  const start = p > 0 ? empty([4], 'int32') : null;
  const random = start === null ? [0, 0] : [drawnFrom(plan.name, generator).handle, start.handle];
  attentionKernel(y.handle, logSum.handle, ...random, ...operands(), ...numbers);
  const backward = ([dy]: readonly (Tensor | null)[]): Tensor[] => {
    const gradients = inputs.map((t) => empty(t.dims, t.dtype));
    const [dq, dk, dv] = packed ? [gradients[0]?.handle, 0, 0] : gradients.map((t) => t.handle);
    const outputs = [dq as number, dk as number, dv as number];
    attentionBackwardKernel(
      ...[...outputs, (dy as Tensor).handle, y.handle, logSum.handle, start?.handle ?? 0, ...operands()],
      ...numbers,
    );
    return gradients;
  };
  const reference = (...inputs: Tensor[]) => [composed(inputs, plan, (weights) => droppedAgain(weights, p, start)).y];
  const saved = [...inputs, y, logSum, mask?.mask, bias?.mask, start].filter((t): t is Tensor => t != null);
  recordFused(plan.name, [y], inputs, backward, reference, saved);
  return y;
}

const fourDimensions = (mask: Tensor, a: Layout): Tensor =>
  reshape(expand(mask, a.scores), [a.batch, a.heads, a.queries, a.keys]);

// The softmax of the scores, [batch, heads, queries, keys]. A query that sees no key has weights 0: its softmax is taken as
// if it saw all keys, and then cleared.
function probabilities(q: Tensor, k: Tensor, plan: AttentionPlan): Tensor {
  const { layout: a, bias, causal } = plan;
  let scores = mul(matmul(q, k, { transposeB: true }), plan.scale);
  const allowed: Tensor[] = [];
  if (plan.mask) allowed.push(fourDimensions(plan.mask, a));
  if (causal > 0)
    allowed.push(expand(tril(ones([a.queries, a.keys], { dtype: 'uint8' }), { diagonal: causal - 1 }), scores.dims));
  if (bias) {
    const closed = eq(bias, -Infinity);
    allowed.push(fourDimensions(logicalNot(closed), a));
    scores = add(scores, fourDimensions(where(closed, 0, bias), a));
  }
  if (allowed.length === 0) return softmax(scores, { dim: -1 });
  const visible = allowed.reduce((x, y) => logicalAnd(x, y));
  const hidden = logicalNot(visible);
  const blocked = logicalAnd(hidden, expand(any(visible, { dim: -1, keepDim: true }), scores.dims));
  return maskedFill(softmax(maskedFill(scores, blocked, -Infinity), { dim: -1 }), hidden, 0);
}

// The reference, composed of other operations, with the weights [batch, heads, queries, keys].
function composed(inputs: readonly Tensor[], plan: AttentionPlan, drop: (weights: Tensor) => Tensor) {
  const [q, k, v] = plan.layout.split(inputs) as [Tensor, Tensor, Tensor];
  const weights = drop(probabilities(q, k, plan));
  return { y: plan.layout.merge(matmul(weights, v)), weights };
}

/** @internal Attention composed of other operations, with the weights [batch, heads, queries, keys] (dropout applied). */
export function attendComposed(inputs: readonly Tensor[], plan: AttentionPlan): { y: Tensor; weights: Tensor } {
  const { dropout: p, generator } = plan;
  return allOrNothing(() => composed(inputs, plan, (weights) => dropoutOp(weights, { p, generator })));
}

// Drops the weights that the kernel has dropped with the random numbers from `start` on.
function droppedAgain(weights: Tensor, p: number, start: Tensor | null): Tensor {
  if (start === null) return weights;
  const keys = weights.dims[3] as number;
  const kept = empty(weights.dims, weights.dtype);
  attentionKeptKernel(kept.handle, start.handle, weights.size / keys, keys, p);
  return mul(weights, kept);
}
