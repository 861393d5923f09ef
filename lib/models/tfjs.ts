// Models of TensorFlow.js as modules.
import { allOrNothing } from '../all-or-nothing.js';
import { ArgumentError } from '../errors.js';
import { checkPath } from '../io/files.js';
import { readNow } from '../io/reading.js';
import { Module } from '../nn/index.js';
import { checkTensor, type Tensor } from '../tensor.js';
import type { TfjsLayer } from './tfjs-config.js';
import { readTfjs } from './tfjs-files.js';
import { type Call, type Plan, planOf } from './tfjs-graph.js';

/**
 * A model that `fromTfjs` made: its layers' weights are parameters, `dense_1.weight`.
 *
 * In evaluation mode, in which it is made, it computes what TensorFlow.js does.
 */
export class TfjsModel extends Module {
  /** The names of what `forward` takes, in order. */
  readonly inputs: readonly string[];
  /** @internal */
  readonly layers: Plan['layers'];
  /** @internal */
  readonly plan: Omit<Plan, 'layers'>;

  /** @internal */
  constructor({ layers, ...plan }: Plan) {
    super();
    this.inputs = plan.inputs.map(({ name }) => name);
    this.layers = layers;
    this.plan = plan;
    this.eval();
  }

  /** @internal */
  override _holder(): object {
    return this.layers;
  }

  /**
   * Runs the network.
   *
   * @param xs as many tensors as `inputs`, with the layout that they have in TensorFlow.js: the channels of images last
   * @returns the output; a list of outputs if there are several
   * @throws ArgumentError for another number of inputs; errors of operations for inputs that do not fit
   */
  forward(...xs: Tensor[]): Tensor & Tensor[] {
    const { calls, order, inputs, outputs } = this.plan;
    if (xs.length !== inputs.length) {
      throw new ArgumentError(`TfjsModel: inputs must be ${this.inputs.join(', ')}, got ${xs.length} of them`);
    }
    const values: (readonly Tensor[])[] = [];
    inputs.forEach(({ name, call }, i) => {
      values[call] = [checkTensor('TfjsModel', name, xs[i])];
    });
    for (const at of order) {
      const { key, run, from } = calls[at] as Call;
      const given = from.map(({ call, tensor }) => (values[call] as Tensor[])[tensor] as Tensor);
      const y = run(this.layers[key], given, this.training);
      values[at] = Array.isArray(y) ? y : [y as Tensor];
    }
    const results = outputs.map(({ call, tensor }) => (values[call] as Tensor[])[tensor] as Tensor);
    return (results.length === 1 ? results[0] : results) as Tensor & Tensor[];
  }
}

/**
 * Makes a module from a layers model of TensorFlow.js: `model.json`, as `model.save` and `tensorflowjs_converter` write it, and
 * the files of weights beside it. It computes the same, takes inputs in the same layout, and is trained further here.
 *
 * Parameters are named by layer: `dense_1.weight`. Dense layers, convolutions, embeddings and norms are those of `nn`, with
 * PyTorch's shapes; recurrent layers keep Keras's `kernel`, `recurrentKernel` and `bias`. In training, running variances are the
 * unbiased ones, as in PyTorch. Quantised weights are read. The model is in evaluation mode.
 *
 * @throws FileError for damaged files, files outside of the folder, graph models (convert them to ONNX), and layers that are
 *   not known, each with how often it occurs
 * @example
 * const model = models.fromTfjs('my-model/model.json');
 * model.forward(zeros([1, 28, 28, 1]));
 * const optimizer = new optim.Adam(model.train().parameters(), { lr: 1e-3 });
 */
export function fromTfjs(path: string): TfjsModel {
  checkPath('fromTfjs', path);
  const { topology, weights } = readNow('fromTfjs', readTfjs(path));
  return allOrNothing(() => new TfjsModel(planOf(JSON.stringify(path), topology, weights, networkIn)));
}

// A network in a network is a module of its own.
function networkIn(plan: Plan): TfjsLayer {
  const outputs = plan.outputs.length;
  return { module: new TfjsModel(plan), outputs, run: (module: TfjsModel, xs) => module.forward(...xs) };
}
