// The gradients of layers for each sample, from their inputs and the gradients of their outputs.
import { noGrad } from '../autograd/tape.js';
import { Conv1d, Conv2d } from '../nn/conv.js';
import { Embedding } from '../nn/embedding.js';
import { Linear } from '../nn/linear.js';
import type { Module } from '../nn/module.js';
import { GroupNorm, LayerNorm, RMSNorm } from '../nn/norm.js';
import { arange, zeros } from '../ops/creation.js';
import { add, mul } from '../ops/elementwise.js';
import { ne, where } from '../ops/elementwise-compare.js';
import { indexAdd } from '../ops/indexing-write.js';
import { matmul } from '../ops/matmul.js';
import { groupNorm, layerNorm, rmsNorm } from '../ops/norm.js';
import { pad } from '../ops/padding.js';
import { sum } from '../ops/reduce.js';
import { reshape, transpose } from '../ops/shape.js';
import { unfold } from '../ops/unfold.js';
import type { Tensor } from '../tensor.js';

/** What a layer's parameters get, by name: [n, …shape]. */
type Gradients = Record<string, Tensor>;

interface Rule {
  /** The least number of dimensions of an input with samples. */
  rank(layer: Module): number;
  gradients(layer: Module, x: Tensor, dy: Tensor): Gradients;
  /** Whether it holds for this layer. */
  fits?(layer: Module): boolean;
}

const rule = <M extends Module>(one: {
  rank(layer: M): number;
  gradients(layer: M, x: Tensor, dy: Tensor): Gradients;
  fits?(layer: M): boolean;
}): Rule => one as unknown as Rule;

/** [n, positions, …shape]: all dimensions between the samples and the last ones are positions. */
const byPosition = (x: Tensor, shape: readonly number[]): Tensor => reshape(x, [x.dims[0] as number, -1, ...shape]);

const lastOf = (x: Tensor): number => x.dims.at(-1) as number;

const linear = rule<Linear>({
  rank: () => 2,
  gradients(_, x, dy) {
    const [rows, gradients] = [byPosition(x, [lastOf(x)]), byPosition(dy, [lastOf(dy)])];
    return { weight: matmul(transpose(gradients, 1, 2), rows), bias: sum(gradients, 1) };
  },
});

const convolution = (spatial: 1 | 2): Rule =>
  rule<Conv1d | Conv2d>({
    rank: () => spatial + 2,
    gradients({ kernelSize, stride, dilation, padding, paddingMode, groups, weight }, x, dy) {
      const around = kernelSize.map((k, i) => {
        if (padding === 'valid') return [0, 0];
        if (padding !== 'same') return [padding[i] as number, padding[i] as number];
        const all = (dilation[i] as number) * (k - 1);
        return [Math.floor(all / 2), all - Math.floor(all / 2)];
      });
      const pads = around.reverse().flat();
      const padded = pads.some((p) => p > 0)
        ? pad(x, { pad: pads, mode: paddingMode === 'zeros' ? 'constant' : paddingMode })
        : x;
      const [n, channels, ...size] = padded.dims as readonly [number, number, ...number[]];
      // A row of numbers is an image of height 1.
      const flat = <T>(list: readonly T[], one: T): [T, T] => [spatial === 1 ? one : (list[0] as T), list.at(-1) as T];
      const images = reshape(padded, [n, channels, ...flat(size, 1)]);
      const columns = unfold(images, {
        kernelSize: flat(kernelSize, 1),
        stride: flat(stride, 1),
        dilation: flat(dilation, 1),
      });
      const outputs = (dy.dims[1] as number) / groups;
      const gradients = reshape(dy, [n, groups, outputs, -1]);
      const windows = reshape(columns, [n, groups, -1, lastOf(columns)]);
      return {
        weight: reshape(matmul(gradients, transpose(windows, 2, 3)), [n, ...weight.dims]),
        bias: sum(reshape(dy, [n, dy.dims[1] as number, -1]), 2),
      };
    },
  });

const embedding = rule<Embedding>({
  rank: () => 1,
  fits: ({ scaleGradByFreq, maxNorm }) => !scaleGradByFreq && maxNorm === null,
  gradients({ numEmbeddings, embeddingDim, paddingIdx }, x, dy) {
    const n = x.dims[0] as number;
    const index = reshape(x, [n, -1]);
    const kept = paddingIdx === null ? dy : where(reshape(ne(x, paddingIdx), [...x.dims, 1]), dy, 0);
    const first = mul(arange(n, { dtype: 'int32' }), numEmbeddings); // each sample has a table of its own
    const places = reshape(add(index, reshape(first, [n, 1])), [-1]);
    const table = zeros([n * numEmbeddings, embeddingDim], { dtype: dy.dtype });
    const all = indexAdd(table, 0, places, reshape(kept, [-1, embeddingDim]));
    return { weight: reshape(all, [n, numEmbeddings, embeddingDim]) };
  },
});

const layers = rule<LayerNorm>({
  rank: ({ normalizedShape }) => normalizedShape.length + 1,
  gradients({ normalizedShape, eps }, x, dy) {
    const own = mul(layerNorm(x, { normalizedShape, eps }), dy);
    return { weight: sum(byPosition(own, normalizedShape), 1), bias: sum(byPosition(dy, normalizedShape), 1) };
  },
});

const roots = rule<RMSNorm>({
  rank: ({ normalizedShape }) => normalizedShape.length + 1,
  gradients({ normalizedShape, eps }, x, dy) {
    return { weight: sum(byPosition(mul(rmsNorm(x, { normalizedShape, eps }), dy), normalizedShape), 1) };
  },
});

const grouped = rule<GroupNorm>({
  rank: () => 2,
  gradients({ numGroups, numChannels, eps }, x, dy) {
    const over = (t: Tensor): Tensor => sum(reshape(t, [t.dims[0] as number, numChannels, -1]), 2);
    return { weight: over(mul(groupNorm(x, { numGroups, eps }), dy)), bias: over(dy) };
  },
});

const rules = new Map<unknown, Rule>([
  [Linear, linear],
  [Conv1d, convolution(1)],
  [Conv2d, convolution(2)],
  [Embedding, embedding],
  [LayerNorm, layers],
  [RMSNorm, roots],
  [GroupNorm, grouped],
]);

/** @internal The rule of a layer, unless there is none, or its parameters are computed from others. */
export function ruleOf(layer: Module): Rule | null {
  const found = rules.get(layer.constructor);
  if (found === undefined || found.fits?.(layer) === false) return null;
  const { weight, bias } = layer as unknown as Record<string, Tensor | null | undefined>;
  const own = new Set(layer.parameters({ recurse: false }));
  const isPlain = [weight, bias].every((t) => t === null || t === undefined || own.has(t));
  return isPlain && weight ? found : null;
}

/** @internal */
export const gradientsBy = (found: Rule, layer: Module, x: Tensor, dy: Tensor): Gradients =>
  noGrad(() => found.gradients(layer, x, dy));
