// Recurrent layers with the gates, activations and biases of Keras, which PyTorch's have otherwise.
import { Module } from '../nn/index.js';
import { Parameter } from '../nn/roles.js';
import { zeros } from '../ops/creation.js';
import { cat, stack } from '../ops/shape-slice.js';
import type { Tensor } from '../tensor.js';
import { type Activation, activationOf } from './tfjs-activations.js';
import type { LayerConfig, TfjsLayer } from './tfjs-config.js';

/** One step from the input's part of the gates [batch, gates · units] and the state. */
type Step = (xs: Tensor, state: readonly Tensor[], layer: Recurrent) => readonly Tensor[];

class Recurrent extends Module {
  readonly kernel: Tensor;
  readonly recurrentKernel: Tensor;
  readonly bias: Tensor | null;

  constructor(
    kernel: Tensor,
    recurrentKernel: Tensor,
    bias: Tensor | null,
    readonly states: number,
    readonly step: Step,
    readonly all: boolean,
    readonly backwards: boolean,
  ) {
    super();
    this.kernel = new Parameter(kernel);
    this.recurrentKernel = new Parameter(recurrentKernel);
    this.bias = bias === null ? null : new Parameter(bias);
  }

  /** x [batch, time, features] → the states h of all steps [batch, time, units], or the last one. */
  forward(x: Tensor): Tensor {
    const own = this.bias !== null && this.bias.rank === 2 ? this.bias.slice({ end: 1 }) : this.bias;
    const given = x.matmul(this.kernel);
    const inputs = own === null ? given : given.add(own);
    const [batch, time] = x.dims as [number, number];
    const units = this.recurrentKernel.dims[0] as number;
    let state: readonly Tensor[] = Array.from({ length: this.states }, () => zeros([batch, units], { dtype: x.dtype }));
    const outputs: Tensor[] = [];
    for (let i = 0; i < time; i++) {
      const at = this.backwards ? time - 1 - i : i;
      state = this.step(inputs.slice({ dim: 1, start: at, end: at + 1 }).squeeze(1), state, this);
      if (this.all) outputs.push(state[0] as Tensor);
    }
    return this.all ? stack(outputs, 1) : (state[0] as Tensor);
  }
}

type Cell = (c: LayerConfig) => { gates: number; states: number; step: Step; biases: number };

const inner = (c: LayerConfig): Activation => activationOf(c, 'recurrent_activation', 'sigmoid');
const outer = (c: LayerConfig): Activation => activationOf(c, 'activation', 'tanh');

const simple: Cell = (c) => {
  const activation = outer(c);
  return {
    ...{ gates: 1, states: 1, biases: 1 },
    step: (x, [h], { recurrentKernel }) => [activation(x.add((h as Tensor).matmul(recurrentKernel)))],
  };
};

const lstm: Cell = (c) => {
  const [gate, activation] = [inner(c), outer(c)];
  return {
    ...{ gates: 4, states: 2, biases: 1 },
    step: (x, [h, memory], { recurrentKernel }) => {
      const sums = x.add((h as Tensor).matmul(recurrentKernel)).chunk(4, 1);
      const [i, f, candidate, o] = sums as [Tensor, Tensor, Tensor, Tensor];
      const next = gate(f)
        .mul(memory as Tensor)
        .add(gate(i).mul(activation(candidate)));
      return [gate(o).mul(activation(next)), next];
    },
  };
};

const gru: Cell = (c) => {
  const [gate, activation] = [inner(c), outer(c)];
  const resetAfter = c.flag('reset_after', false);
  const mixed = (z: Tensor, h: Tensor, candidate: Tensor) => [z.mul(h).add(z.neg().add(1).mul(candidate))];
  const before: Step = (x, [state], { recurrentKernel }) => {
    const h = state as Tensor;
    const units = h.dims[1] as number;
    const [gates, last] = recurrentKernel.split([2 * units, units], 1) as [Tensor, Tensor];
    const [xGates, xLast] = x.split([2 * units, units], 1) as [Tensor, Tensor];
    const [z, r] = gate(xGates.add(h.matmul(gates))).chunk(2, 1) as [Tensor, Tensor];
    return mixed(z, h, activation(xLast.add(r.mul(h).matmul(last))));
  };
  const after: Step = (x, [state], { recurrentKernel, bias }) => {
    const h = state as Tensor;
    const product = h.matmul(recurrentKernel);
    const sums = bias === null ? product : product.add(bias.slice({ start: 1 }));
    const [hz, hr, hLast] = sums.chunk(3, 1) as [Tensor, Tensor, Tensor];
    const [xz, xr, xLast] = x.chunk(3, 1) as [Tensor, Tensor, Tensor];
    const candidate = activation(xLast.add(gate(xr.add(hr)).mul(hLast)));
    return mixed(gate(xz.add(hz)), h, candidate);
  };
  return { gates: 3, states: 1, biases: resetAfter ? 2 : 1, step: resetAfter ? after : before };
};

const recurrent =
  (cell: Cell) =>
  (c: LayerConfig): TfjsLayer => {
    c.oneOf('return_state', false);
    c.oneOf('stateful', false);
    c.oneOf('dropout', 0);
    c.oneOf('recurrent_dropout', 0);
    const { gates, states, step, biases } = cell(c);
    const units = c.integer('units');
    const width = gates * units;
    const kernel = c.weight('kernel', [-1, width]);
    const recurrentKernel = c.weight('recurrent_kernel', [units, width]);
    const bias = c.flag('use_bias', true) ? c.weight('bias', biases === 2 ? [2, width] : [width]) : null;
    const [all, backwards] = [c.flag('return_sequences', false), c.flag('go_backwards', false)];
    const module = new Recurrent(kernel, recurrentKernel, bias, states, step, all, backwards);
    return { module, run: (m, [x]) => m.forward(x) };
  };

const merges: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  concat: (a, b) => cat([a, b], -1),
  sum: (a, b) => a.add(b),
  mul: (a, b) => a.mul(b),
  ave: (a, b) => a.add(b).div(2),
};

const bidirectional = (c: LayerConfig): TfjsLayer => {
  const mode = c.oneOf('merge_mode', 'concat', 'sum', 'mul', 'ave');
  const [forward, backward] = [c.inner('layer', 'forward_'), c.inner('layer', 'backward_')];
  if (!(forward.module instanceof Recurrent) || !(backward.module instanceof Recurrent) || forward.module.backwards) {
    throw c.fail('must have a recurrent layer in it that goes forwards');
  }
  const { kernel, recurrentKernel, bias, states, step, all } = backward.module;
  const module = {
    forward: forward.module,
    backward: new Recurrent(kernel, recurrentKernel, bias, states, step, all, true),
  };
  const merge = merges[mode] as (a: Tensor, b: Tensor) => Tensor;
  return {
    module,
    run: (m, [x]) => {
      const back = m.backward.forward(x) as Tensor;
      return merge(m.forward.forward(x), all ? back.flip([1]) : back);
    },
  };
};

/** @internal */
export const recurrentLayers: Readonly<Record<string, (c: LayerConfig) => TfjsLayer>> = {
  SimpleRNN: recurrent(simple),
  LSTM: recurrent(lstm),
  GRU: recurrent(gru),
  Bidirectional: bidirectional,
};
