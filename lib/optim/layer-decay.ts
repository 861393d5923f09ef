// Groups of parameters whose learning rate falls from the head of a model to its beginning.
import { ArgumentError, checkNumber, describe } from '../errors.js';
import type { Module } from '../nn/module.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';

/** Options of `paramGroupsLayerDecay`. */
export interface LayerDecayOptions {
  /** The learning rate of the head. */
  lr: number;
  /** Each layer's rate is that of the layer above times this; default 0.75. */
  layerDecay?: number;
  /** Of weights; biases and norms, which have one dimension, get 0. Default 0. */
  weightDecay?: number;
  /** Finds the number of a layer in a name; default `layer.3.`, `layers.3.`, `h.3.`, `blocks.3.`, … */
  pattern?: RegExp;
}

/** Parameters with one learning rate. */
export interface LayerDecayGroup {
  params: Tensor[];
  lr: number;
  weightDecay: number;
}

const numbered = /(?:^|\.)(?:layers?|h|blocks?|features)\.(\d+)\./;

/**
 * Groups of the trained parameters of a model for an optimizer, with a learning rate for each layer: lr for what comes after
 * the numbered layers (the head), lr · layerDecay for the last layer, lr · layerDecay² for the one before …, the least for what comes before
 * them (embeddings). What a pretrained model learnt first is changed least.
 *
 * Clark et al., "ELECTRA", 2020, https://arxiv.org/abs/2003.10555
 *
 * @throws ArgumentError when no parameter is trained, or for an option
 * @example
 * const size = { vocabSize: 100, hiddenSize: 32, numHiddenLayers: 2, numAttentionHeads: 4, intermediateSize: 64 };
 * const model = new models.BertForSequenceClassification(size);
 * const groups = optim.paramGroupsLayerDecay(model, { lr: 1e-4, layerDecay: 0.8, weightDecay: 0.01 });
 * const optimizer = new optim.AdamW(groups, { lr: 1e-4 });
 */
export function paramGroupsLayerDecay(model: Module, options: LayerDecayOptions): LayerDecayGroup[] {
  const name = 'paramGroupsLayerDecay';
  if (typeof (model as Module | undefined)?.namedParameters !== 'function') {
    throw new ArgumentError(`${name}: model must be a module, got ${describe(model)}`);
  }
  checkOptions(name, options, ['lr', 'layerDecay', 'weightDecay', 'pattern']);
  const lr = checkNumber(name, 'lr', options?.lr, { min: 0 });
  const decay = checkNumber(name, 'layerDecay', options.layerDecay ?? 0.75, { min: 0, max: 1, open: true });
  const weightDecay = checkNumber(name, 'weightDecay', options.weightDecay ?? 0, { min: 0 });
  const { pattern = numbered } = options;
  if (!(pattern instanceof RegExp)) {
    throw new ArgumentError(`${name}: pattern must be a regular expression, got ${describe(pattern)}`);
  }
  const all = model.namedParameters();
  const layers = all.map(([key]) =>
    Number(new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(key)?.[1] ?? Number.NaN),
  );
  const top = layers.reduce((most, layer) => (Number.isNaN(layer) ? most : Math.max(most, layer)), -1);
  let passed = false;
  const groups = new Map<string, LayerDecayGroup>();
  all.forEach(([, p], i) => {
    const layer = layers[i] as number;
    const depth = Number.isNaN(layer) ? (passed || top < 0 ? top + 1 : -1) : layer;
    passed ||= !Number.isNaN(layer);
    if (!p.requiresGrad) return;
    const own = p.shape.length > 1 ? weightDecay : 0;
    const key = `${depth} ${own}`;
    const group = groups.get(key) ?? { params: [], lr: lr * decay ** (top + 1 - depth), weightDecay: own };
    group.params.push(p);
    groups.set(key, group);
  });
  if (groups.size > 0) return [...groups.values()];
  throw new ArgumentError(`${name}: model must have a parameter that is trained, got ${describe(model)}`);
}
