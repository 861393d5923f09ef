// (a), by hand: the first gradients of a-sigmoid-network.js, derived on paper and computed with plain loops, next to
// what backward() finds and to what comes out when each weight is nudged a little (the numerical gradient).
//
// For one sample, with s(z) = 1 / (1 + e^−z) and its derivative s'(z) = s(z) (1 − s(z)):
//
//     z1_j = Σ_k W1_jk x_k + b1_j      h_j = s(z1_j)       hidden units, j = 1, 2
//     z2   = Σ_j W2_j h_j + b2         p   = s(z2)         output
//     L    = −y log p − (1 − y) log(1 − p)
//
// Let δ be the derivative of L by a unit's z, the sum before its sigmoid. The chain rule goes from the output back:
//
//     dL/dp = −y/p + (1 − y)/(1 − p) = (p − y) / (p (1 − p))
//     δ2    = dL/dp · s'(z2) = dL/dp · p (1 − p) = p − y               the sigmoid and the logarithm cancel
//     δ1_j  = δ2 · W2_j · s'(z1_j) = δ2 W2_j h_j (1 − h_j)             output's δ, carried back along the weight
//
// and every weight's gradient is the δ it leads to times the value it multiplies:
//
//     dL/dW2_j  = δ2 h_j       dL/db2   = δ2
//     dL/dW1_jk = δ1_j x_k     dL/db1_j = δ1_j
//
// The loss is the mean over the four samples, and so are the gradients.
import { linear, nn, numericalGradient, sigmoid, tensor } from 'adjoint';
import { inputs, start, targets } from './a-sigmoid-network.js';

/** The formulas above as loops. */
export function gradientsByHand() {
  const { hiddenWeight: w1, hiddenBias: b1, outputWeight: w2, outputBias: b2 } = start;
  /** @type {(z: number) => number} */
  const s = (z) => 1 / (1 + Math.exp(-z));
  const sum = {
    hiddenWeight: [
      [0, 0],
      [0, 0],
    ],
    hiddenBias: [0, 0],
    outputWeight: [[0, 0]],
    outputBias: [0],
  };
  const deltas = [];
  for (let n = 0; n < inputs.length; n++) {
    const x = inputs[n];
    const h = [0, 1].map((j) => s(w1[j][0] * x[0] + w1[j][1] * x[1] + b1[j]));
    const p = s(w2[0][0] * h[0] + w2[0][1] * h[1] + b2[0]);

    const delta2 = p - targets[n][0];
    const delta1 = [0, 1].map((j) => delta2 * w2[0][j] * h[j] * (1 - h[j]));
    deltas.push({ output: delta2, hidden: delta1 });

    for (let j = 0; j < 2; j++) {
      sum.outputWeight[0][j] += (delta2 * h[j]) / inputs.length;
      sum.hiddenBias[j] += delta1[j] / inputs.length;
      for (let k = 0; k < 2; k++) sum.hiddenWeight[j][k] += (delta1[j] * x[k]) / inputs.length;
    }
    sum.outputBias[0] += delta2 / inputs.length;
  }
  return { gradients: sum, deltas };
}

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * The loss as a function of the four parameters, in float64: float32 is too coarse for numerical gradients.
 * @param {Tensor[]} parameters
 */
function loss(...parameters) {
  const [w1, b1, w2, b2] = parameters;
  const x = tensor(inputs, { dtype: 'float64' });
  const y = tensor(targets, { dtype: 'float64' });
  const h = sigmoid(linear(x, w1, b1));
  const p = sigmoid(linear(h, w2, b2));
  return nn.functional.binaryCrossEntropy(p, y);
}

/** Computes each gradient in three ways and prints them side by side. */
export function run({ quiet = false } = {}) {
  const print = quiet ? () => {} : console.log;
  const { gradients, deltas } = gradientsByHand();
  deltas.forEach(({ output, hidden }, n) => {
    const [first, second] = hidden.map((delta) => delta.toFixed(6).padStart(9));
    print(`sample ${inputs[n].join(', ')}: δ2 = ${output.toFixed(6).padStart(9)}   δ1 = ${first}, ${second}`);
  });

  const parameters = Object.values(start).map((value) => tensor(value, { dtype: 'float64', requiresGrad: true }));
  loss(...parameters).backward();

  const rows = Object.entries(gradients).flatMap(([name, values], index) => {
    const tape = /** @type {Tensor} */ (parameters[index].grad).toTypedArray();
    const numerical = numericalGradient(loss, parameters, { index });
    return values.flat().map((hand, i) => ({ name: `${name}[${i}]`, hand, tape: tape[i], numerical: numerical[i] }));
  });
  print('\ngradient of            by hand        backward()     numerical');
  for (const { name, hand, tape, numerical } of rows) {
    print(`${name.padEnd(16)} ${[hand, tape, numerical].map((value) => value.toFixed(10).padStart(14)).join(' ')}`);
  }
  return rows;
}

if (import.meta.filename === process.argv[1]) run();
