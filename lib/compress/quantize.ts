// Weights and activations in eight bits.
import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { checkChoice, StateError } from '../errors.js';
import type { NamePattern } from '../nn/freeze.js';
import { checkPart } from '../nn/lookup.js';
import { Module } from '../nn/module.js';
import { registerParametrization, removeParametrizations } from '../nn/parametrize.js';
import { listAt, type Parametrization } from '../nn/parametrize-list.js';
import { detach } from '../ops/copy.js';
import { zerosLike } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { rounding } from './fake-quantize.js';
import { Integers, lookUpIntegers, scaleOf } from './integers.js';
import { attach, InputQuantizer, quantizerOf } from './quantize-inputs.js';
import { isTable, type Weight, weightsOf, weightValue } from './weights.js';

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
class RoundedWeight extends Module implements Parametrization {
  forward(weight: Tensor): Tensor {
    const scale = detach(scaleOf(detach(weight)));
    return rounding(weight, scale, zerosLike(scale), -127, 127);
  }

  override toString(): string {
    return 'RoundedWeight()';
  }
}

// Every layer's weight gets a parametrization, in place of those that it has, and its input a quantizer.
function quantize(
  operation: string,
  model: Module,
  names: NamePattern | undefined,
  make: (weight: Tensor) => Parametrization | null,
  quantizer: ((weight: Tensor) => InputQuantizer) | null,
): void {
  const weights = weightsOf(operation, model, names, { embeddings: true });
  if (quantizer !== null && model.modules().some((part) => quantizerOf(part) !== undefined)) {
    throw new StateError(`${operation}: the model must not be prepared or quantised yet, got one that is`);
  }
  allOrNothing(() => {
    const made = weights.map((weight) => make(detach(noGrad(() => weightValue(weight)))));
    const layers = new Map(weights.map((weight) => [weight.module, weight]));
    const inputs = [...layers].map(([module, weight]) =>
      quantizer === null || isTable(module) ? null : ([module, quantizer(weightValue(weight))] as const),
    );
    for (const [i, parametrization] of made.entries()) {
      const weight = weights[i] as Weight;
      if (parametrization !== null) replace(weight, parametrization);
      if (parametrization instanceof Integers && isTable(weight.module)) lookUpIntegers(weight.module);
    }
    for (const [module, input] of inputs.filter((entry) => entry !== null)) attach(module, input);
  });
}

function replace({ module, name }: Weight, parametrization: Parametrization): void {
  if (listAt(module, name) !== null) removeParametrizations(module, name);
  registerParametrization(module, name, parametrization);
}

/**
 * Quantises a model at once, without data: weights are integers of eight bits with a scale for each output, inputs of layers are
 * rounded to 256 values in the range of each batch. Embeddings have integers, too. The file of `stateDict()` is a quarter as
 * large.
 *
 * Under `noGrad`, float32 linear layers multiply these integers, and embeddings look them up: products of one sample are up to three times as
 * fast as those of floats, and need a quarter of the memory. All other layers, and linear ones while gradients are wanted, compute in floating
 * point from the integers, with the same results but for rounding.
 *
 * To load such a state, quantise the same model first. Gradients reach the scales alone.
 *
 * @returns the model
 * @throws ArgumentError for names that match nothing; StateError for a model that is prepared or quantised
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2)).eval();
 * compress.quantizeDynamic(model).forward(randn([1, 8])); // [1, 2]
 */
export function quantizeDynamic<M extends Module>(model: M, options: QuantizeOptions = {}): M {
  checkOptions('quantizeDynamic', options, ['names']);
  const input = (weight: Tensor) => new InputQuantizer('dynamic', null, weight);
  quantize('quantizeDynamic', model, options.names, (weight) => new Integers(weight), input);
  return model;
}

/**
 * Prepares a model for static quantisation: from now on it measures the range of each layer's inputs. Run it over some hundred
 * typical samples, then call {@link convert}.
 *
 * @returns the model
 * @throws ArgumentError for names that match nothing, or an option; StateError for a model that is prepared or quantised
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
  quantize('prepare', model, options.names, () => null, input);
  return model;
}

/**
 * Prepares a model for quantisation-aware training: it computes as it will when it is quantised, weights and inputs rounded, while
 * the weights are trained as floats; gradients pass the rounding as if it were not there. Ranges of inputs are averages over the
 * batches of training, which move by 0.1. Make the optimizer before or after; train some epochs at a small rate, then call {@link convert}.
 *
 * @returns the model
 * @throws ArgumentError for names that match nothing; StateError for a model that is prepared or quantised
 * @example
 * const model = compress.prepareQat(nn.sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2)));
 * model.forward(randn([100, 8])).square().sum().backward(); // training
 * compress.convert(model.eval());
 */
export function prepareQat<M extends Module>(model: M, options: QuantizeOptions = {}): M {
  checkOptions('prepareQat', options, ['names']);
  const input = (weight: Tensor) => new InputQuantizer('trained', 0.1, weight);
  quantize('prepareQat', model, options.names, () => new RoundedWeight(), input);
  return model;
}

/**
 * Quantises a model that {@link prepare} or {@link prepareQat} has prepared and that has seen data: integers as with
 * {@link quantizeDynamic}, and inputs in fixed ranges.
 *
 * @param options names: the same as when it was prepared
 * @returns the model
 * @throws StateError, naming the layers, for a model that was not prepared or has layers that have seen no data
 * @example
 * const model = compress.prepare(new nn.Linear(8, 2));
 * model.forward(randn([100, 8]));
 * compress.convert(model).weight; // [2, 8]
 */
export function convert<M extends Module>(model: M, options: QuantizeOptions = {}): M {
  checkPart('convert', model);
  checkOptions('convert', options, ['names']);
  const inputs = model.namedModules().flatMap(([path, part]) => {
    const input = quantizerOf(part);
    return input === undefined ? [] : [{ path, input }];
  });
  if (inputs.length === 0) {
    throw new StateError('convert: the model must be prepared first, by compress.prepare or compress.prepareQat');
  }
  const blind = inputs.filter(({ input }) => !input.isCalibrated).map(({ path }) => (path === '' ? 'the model' : path));
  if (blind.length > 0) {
    const hint = 'run the model over some hundred typical samples first';
    throw new StateError(`convert: inputs of ${blind.join(', ')} must have been measured, got none; ${hint}`);
  }
  quantize('convert', model, options.names, (weight) => new Integers(weight), null);
  for (const { input } of inputs) input.settle();
  return model;
}
