// The networks of the examples: two layers between 784 pixels and a code, in either direction.
import { nn } from 'adjoint';

/**
 * Pixels [batch, inputs] to `outputs` numbers.
 *
 * @param {number} outputs
 * @param {{ inputs?: number, dropout?: number }} [options] dropout: the share of each hidden layer that is left out
 */
export function encoder(outputs, { inputs = 784, dropout = 0 } = {}) {
  const hidden = (/** @type {number} */ from, /** @type {number} */ to) => [
    new nn.Linear(from, to),
    new nn.LeakyReLU(0.2),
    ...(dropout > 0 ? [new nn.Dropout(dropout)] : []),
  ];
  return nn.sequential(...hidden(inputs, 400), ...hidden(400, 200), new nn.Linear(200, outputs));
}

/**
 * A code [batch, inputs] to the logits of 784 pixels.
 *
 * @param {number} inputs
 * @param {{ norm?: boolean }} [options] norm: whether hidden layers have batch normalisation
 */
export function decoder(inputs, { norm = false } = {}) {
  const hidden = (/** @type {number} */ from, /** @type {number} */ to) => [
    new nn.Linear(from, to),
    ...(norm ? [new nn.BatchNorm1d(to)] : []),
    new nn.LeakyReLU(0.2),
  ];
  return nn.sequential(...hidden(inputs, 200), ...hidden(200, 400), new nn.Linear(400, 784));
}
