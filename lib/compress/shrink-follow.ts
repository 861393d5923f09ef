// Where the outputs of a layer go: through what, and what becomes of those that are always the same.

import { ELU, GELU, Hardtanh, LeakyReLU, Mish, ReLU, SELU, Sigmoid, SiLU, Softplus, Tanh } from '../nn/activation.js';
import { Flatten, Identity, type Layer, Sequential } from '../nn/containers.js';
import { Conv1d, Conv2d, Conv3d } from '../nn/conv.js';
import { Dropout, Dropout1d, Dropout2d, Dropout3d } from '../nn/dropout.js';
import { Linear } from '../nn/linear.js';
import { Module } from '../nn/module.js';
import { type BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d } from '../nn/norm-batch.js';
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
} from '../nn/pool.js';
import {
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
} from '../nn/pool-max.js';
import { TransformerEncoderLayer } from '../nn/transformer.js';
import { TransformerDecoderLayer } from '../nn/transformer-decoder.js';
import { gelu, relu, sigmoid, tanh } from '../ops/activation.js';
import { add, mul, rsqrt, sub } from '../ops/elementwise.js';
import { repeatInterleave } from '../ops/indexing-select.js';
import type { Tensor } from '../tensor.js';

/** @internal A layer that can lose outputs and inputs. */
export type Cuttable = Linear | Conv1d | Conv2d | Conv3d;

/** @internal A layer and its name in the model. */
export interface Step {
  layer: Layer;
  path: string;
}

const is = (layer: Layer, classes: readonly unknown[]): boolean => classes.includes(layer.constructor);
const convolutions = [Conv1d, Conv2d, Conv3d];
const norms = [BatchNorm1d, BatchNorm2d, BatchNorm3d];
const elementwise = [ELU, GELU, Hardtanh, LeakyReLU, Mish, ReLU, SELU, SiLU, Sigmoid, Softplus, Tanh];
const functions: readonly unknown[] = [relu, tanh, sigmoid, gelu];
const unchanging = [Identity, Dropout, Dropout1d, Dropout2d, Dropout3d];
// A constant is the mean and the largest of its windows; not of those that have padding in them.
const pools = [
  ...[MaxPool1d, MaxPool2d, MaxPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d],
  ...[AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d],
];
const means = [AvgPool1d, AvgPool2d, AvgPool3d];

/** @internal Whether a layer is such a one itself, not a subclass, and nothing listens to what it is given or gives. */
export function isCuttable(layer: Layer): layer is Cuttable {
  if (!(layer instanceof Module) || layer._around !== null || Object.hasOwn(layer, 'forward')) return false;
  return is(layer, [Linear]) || (is(layer, convolutions) && (layer as Conv2d).groups === 1);
}

/** @internal Layers that run one after the other: of each outermost Sequential, and the feed-forward parts of transformers. */
export function chainsOf(model: Module): Step[][] {
  const inner = new Set<Module>();
  const flat = (path: string, layers: Sequential): Step[] =>
    layers._items().flatMap(([name, layer]) => {
      const step = { layer, path: path === '' ? name : `${path}.${name}` };
      if (!(layer instanceof Module) || !is(layer, [Sequential]) || layer._around !== null) return [step];
      inner.add(layer);
      return flat(step.path, layer as Sequential);
    });
  return model.namedModules().flatMap(([path, part]): Step[][] => {
    if (is(part, [Sequential]) && !inner.has(part)) return [flat(path, part as Sequential)];
    if (!is(part, [TransformerEncoderLayer, TransformerDecoderLayer])) return [];
    const { linear1, linear2, activation, dropout } = part as TransformerEncoderLayer;
    const between = activation === 'relu' ? relu : activation === 'gelu' ? gelu : activation;
    const name = (own: string) => (path === '' ? own : `${path}.${own}`);
    return [
      [
        { layer: linear1, path: name('linear1') },
        { layer: between, path: name('activation') },
        { layer: dropout, path: name('dropout') },
        { layer: linear2, path: name('linear2') },
      ],
    ];
  });
}

/** @internal The outputs of a layer on their way to the next. */
export class Outputs {
  /** Batch norms that they have passed, which have an element for each. */
  readonly norms: BatchNorm[] = [];
  private isFlat = false;

  /**
   * @param source the layer that they come from
   * @param kept of each output, whether it is kept; the others are the same for all inputs
   * @param constants what each of these is by now, [features]: several for an output that has been flattened
   */
  constructor(
    readonly source: Step,
    readonly kept: readonly boolean[],
    public constants: Tensor,
  ) {}

  private get areChannels(): boolean {
    return is(this.source.layer, convolutions) && !this.isFlat;
  }

  /** Takes them through a layer that has no outputs of its own; says whether that is understood. */
  pass(layer: Layer): boolean {
    if (!(layer instanceof Module)) {
      if (!functions.includes(layer)) return false;
      this.constants = layer(this.constants);
      return true;
    }
    if (layer._around !== null || Object.hasOwn(layer, 'forward')) return false;
    if (is(layer, unchanging)) return true;
    if (is(layer, pools)) return this.areChannels;
    if (is(layer, means)) return this.areChannels && this.areZero;
    if (is(layer, norms)) return this.normalise(layer as BatchNorm);
    if (is(layer, [Flatten])) {
      const { startDim, endDim } = layer as Flatten;
      this.isFlat ||= is(this.source.layer, convolutions);
      return startDim === 1 && endDim === -1;
    }
    if (!is(layer, elementwise)) return false;
    this.constants = (layer as ReLU).forward(this.constants);
    return true;
  }

  /** Whether those that are not kept are all zero. */
  get areZero(): boolean {
    const places = this.constants.size / this.kept.length;
    return this.constants.toTypedArray().every((value, i) => this.kept[Math.floor(i / places)] || value === 0);
  }

  /** Lays several features to each output, as flattening does, so that there are `count`; says whether that can be. */
  spread(count: number): boolean {
    const { size } = this.constants;
    if (size === count) return true;
    if (!this.isFlat || size !== this.kept.length || count % size !== 0) return false;
    this.constants = repeatInterleave(this.constants, count / size);
    return true;
  }

  /** Of each feature, whether it is kept. */
  get features(): boolean[] {
    const places = this.constants.size / this.kept.length;
    return this.kept.flatMap((isKept) => new Array<boolean>(places).fill(isKept));
  }

  private normalise(norm: BatchNorm): boolean {
    const { running_mean: mean, running_var: variance, weight, bias, eps } = norm;
    if (mean === null || variance === null || !this.spread(norm.numFeatures)) return false;
    const centred = mul(sub(this.constants, mean), rsqrt(add(variance, eps)));
    const scaled = weight === null ? centred : mul(centred, weight);
    this.constants = bias === null ? scaled : add(scaled, bias);
    this.norms.push(norm);
    return true;
  }

  /** Why a layer cannot take what is kept of them and do without the rest; nothing if it can. */
  obstacle(layer: Layer): string | undefined {
    if (!isCuttable(layer)) return `what follows, ${nameOf(layer)}, is not understood`;
    if (layer instanceof Linear) {
      return !this.areChannels && this.spread(layer.inFeatures) ? undefined : `${layer} takes another dimension`;
    }
    if (!this.areChannels || layer.inChannels !== this.kept.length) return `${layer} takes another dimension`;
    const { padding, paddingMode } = layer;
    const pads =
      padding === 'same' ? layer.kernelSize.some((k) => k > 1) : padding !== 'valid' && padding.some((p) => p > 0);
    if (!pads || paddingMode !== 'zeros' || this.areZero) return undefined;
    return `they are not zero where ${layer} gets them, but its padding is; let nn.utils.fuseConvBnEval fuse batch norms, then prune`;
  }
}

/** @internal */
export const nameOf = (layer: Layer): string =>
  layer instanceof Module ? layer.constructor.name : `the function ${layer.name || 'without a name'}`;
