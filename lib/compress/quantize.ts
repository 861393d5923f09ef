// Weights and activations in eight bits.
import { allOrNothing } from '../all-or-nothing.js';
import { checkChoice, StateError } from '../errors.js';
import type { NamePattern } from '../nn/freeze.js';
import { checkPart } from '../nn/lookup.js';
import type { Module } from '../nn/module.js';
import { registerParametrization, removeParametrizations } from '../nn/parametrize.js';
import { listAt, type Parametrization } from '../nn/parametrize-list.js';
import { detach } from '../ops/copy.js';
import { zerosLike } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { rounding } from './fake-quantize.js';
import { Integers, lookUpIntegers, scaleOf } from './integers.js';
import { attach, InputQuantizer, quantizerOf } from './quantize-inputs.js';
import { checkOrder, finiteValue, Inserted, isTable, type Operation, type Weight, weightsOf } from './weights.js';

/** Which layers are quantised. */
export interface QuantizeOptions {
  /** Which weights of two dimensions and more, by parts of their names or expressions. Default all. */
  names?: NamePattern;
}

/** Options of {@link prepare}. */
export interface PrepareOptions extends QuantizeOptions {
  /** The range of a layer's inputs: of all that were seen (minmax, the default), or an average that moves by 0.01 a batch. */
  observer?: 'minmax' | 'moving-average';
}

/** A parametrization: the weight as it will be when it is quantised; it is trained as a float. */
class RoundedWeight extends Inserted implements Parametrization {
  get stage(): 'prepared' {
    return 'prepared';
  }

  forward(weight: Tensor): Tensor {
    const scale = detach(scaleOf(detach(weight)));
    return rounding(weight, scale, zerosLike(scale), -127, 127);
  }

  override toString(): string {
    return 'RoundedWeight()';
  }
}

// Every layer's weight gets a parametrization, and its input a quantizer.
function quantize(
  operation: Operation,
  weights: readonly Weight[],
  make: (weight: Tensor) => Parametrization | null,
  quantizer: ((weight: Tensor) => InputQuantizer) | null,
): void {
  const values = weights.map((weight) => finiteValue(operation, weight));
  const layers = new Map(weights.map(({ module }, i) => [module, values[i] as Tensor]));
  const made = values.map(make);
  for (const [i, { module, name }] of weights.entries()) {
    const parametrization = made[i] as Parametrization | null;
    if (parametrization === null) continue;
    const isLast = parametrization instanceof Integers; // what the weight was computed by has become part of them
    if (isLast && listAt(module, name) !== null) removeParametrizations(module, name);
    registerParametrization(module, name, parametrization);
    if (isLast && isTable(module)) lookUpIntegers(module);
  }
  if (quantizer === null) return;
  for (const [module, value] of layers) if (!isTable(module)) attach(module, quantizer(value));
}

function weightsFor(operation: Operation, model: Module, names: NamePattern | undefined): Weight[] {
  const weights = weightsOf(operation, model, names, { embeddings: true });
  for (const weight of weights) checkOrder(operation, weight);
  return weights;
}

/**
 * Quantises a model at once, without data: weights are integers of eight bits with a scale for each output, inputs of layers are
 * rounded to 256 values in the range of each batch. Embeddings have integers, too. The file of `stateDict()` is a quarter as
 * large. Masks, clusters and norms of weights become part of the integers.
 *
 * Under `noGrad`, float32 linear layers multiply these integers, and embeddings look them up: products of one sample are up to three times as
 * fast as those of floats, and need a quarter of the memory. All other layers, and linear ones while gradients are wanted, compute in floating
 * point from the integers, with the same results but for rounding.
 *
 * To load such a state, quantise the same model first. Gradients reach the scales alone.
 *
 * @returns the model
 * @throws ArgumentError for names that match nothing, or weights that are not finite; StateError for weights that are prepared or quantised
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2)).eval();
 * compress.quantizeDynamic(model).forward(randn([1, 8])); // [1, 2]
 */
export function quantizeDynamic<M extends Module>(model: M, options: QuantizeOptions = {}): M {
  checkOptions('quantizeDynamic', options, ['names']);
  const input = (weight: Tensor) => new InputQuantizer('dynamic', null, weight);
  allOrNothing(() =>
    quantize(
      'quantizeDynamic',
      weightsFor('quantizeDynamic', model, options.names),
      (weight) => new Integers(weight),
      input,
    ),
  );
  return model;
}

/**
 * Prepares a model for static quantisation: from now on it measures the range of each layer's inputs. Run it over some hundred
 * typical samples, then call {@link convert}; empty batches change nothing.
 *
 * @returns the model
 * @throws ArgumentError for names that match nothing, an option, or weights that are not finite; StateError for weights that are
 *   prepared or quantised
 * @example
 * const model = compress.prepare(nn.sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2)).eval());
 * model.forward(randn([100, 8]));
 * compress.convert(model);
 */
export function prepare<M extends Module>(model: M, options: PrepareOptions = {}): M {
  checkOptions('prepare', options, ['names', 'observer']);
  const observer = checkChoice('prepare', 'observer', options.observer, ['minmax', 'moving-average'], 'minmax');
  const momentum = observer === 'minmax' ? null : 0.01;
  const input = (weight: Tensor) => new InputQuantizer('observed', momentum, weight);
  allOrNothing(() => quantize('prepare', weightsFor('prepare', model, options.names), () => null, input));
  return model;
}

/**
 * Prepares a model for quantisation-aware training: it computes as it will when it is quantised, weights and inputs rounded, while
 * the weights are trained as floats; gradients pass the rounding as if it were not there. Ranges of inputs are averages over the
 * batches of training, which move by 0.1; before the first one, inputs stay as they are. Pruned weights stay zero, and clustered ones share
 * their values, which are rounded. Make the optimizer before or after; train some epochs at a small rate, then call {@link convert}.
 *
 * @returns the model
 * @throws ArgumentError for names that match nothing, or weights that are not finite; StateError for weights that are prepared or quantised
 * @example
 * const model = compress.prepareQat(nn.sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2)));
 * model.forward(randn([100, 8])).square().sum().backward(); // training
 * compress.convert(model.eval());
 */
export function prepareQat<M extends Module>(model: M, options: QuantizeOptions = {}): M {
  checkOptions('prepareQat', options, ['names']);
  const input = (weight: Tensor) => new InputQuantizer('trained', 0.1, weight);
  allOrNothing(() =>
    quantize('prepareQat', weightsFor('prepareQat', model, options.names), () => new RoundedWeight(), input),
  );
  return model;
}

/**
 * Quantises a model that {@link prepare} or {@link prepareQat} has prepared and that has seen data: integers as with
 * {@link quantizeDynamic}, and inputs in fixed ranges.
 *
 * @param options names: the same as when it was prepared
 * @returns the model
 * @throws ArgumentError for weights that are not finite; StateError, naming the layers, for those that were not prepared, that have seen
 *   no data or such that was not finite, or that are quantised already
 * @example
 * const model = compress.prepare(new nn.Linear(8, 2));
 * model.forward(randn([100, 8]));
 * compress.convert(model).weight; // [2, 8]
 */
export function convert<M extends Module>(model: M, options: QuantizeOptions = {}): M {
  checkPart('convert', model);
  checkOptions('convert', options, ['names']);
  const unprepared = 'must be prepared first, by compress.prepare or compress.prepareQat';
  if (!model.modules().some((part) => quantizerOf(part) !== undefined)) {
    throw new StateError(`convert: the model ${unprepared}`);
  }
  allOrNothing(() => {
    const weights = weightsFor('convert', model, options.names);
    for (const { module, path } of weights) {
      if (isTable(module) || quantizerOf(module) !== undefined) continue;
      throw new StateError(`convert: ${path} ${unprepared}, or left out: names`);
    }
    const inputs = measuredInputs(model, new Set(weights.map(({ module }) => module)));
    quantize('convert', weights, (weight) => new Integers(weight), null);
    for (const input of inputs) input.settle();
  });
  return model;
}

// The inputs of these layers, whose ranges are known.
function measuredInputs(model: Module, layers: ReadonlySet<Module>): InputQuantizer[] {
  const inputs = model.namedModules().flatMap(([path, part]) => {
    const input = layers.has(part) ? quantizerOf(part) : undefined;
    return input === undefined ? [] : [{ path: path === '' ? 'the model' : path, input, range: input.measured }];
  });
  const blind = inputs.filter(({ range }) => range === null).map(({ path }) => path);
  if (blind.length > 0) {
    const hint = 'run the model over some hundred typical samples first';
    throw new StateError(`convert: inputs of ${blind.join(', ')} must have been measured, got none; ${hint}`);
  }
  for (const { path, range } of inputs) {
    if (range === null || range.every(Number.isFinite)) continue;
    const hint = 'prepare the model anew, and run it over finite samples';
    throw new StateError(
      `convert: inputs of ${path} must have been finite, got some from ${range.join(' to ')}; ${hint}`,
    );
  }
  return inputs.map(({ input }) => input);
}
