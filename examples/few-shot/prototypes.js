// Prototypical networks (Snell, Swersky, Zemel, 2017, https://arxiv.org/abs/1703.05175): a class is where its samples lie on
// average, and a new sample belongs to the nearest.

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * The log-probabilities of classes: log softmax of minus the squared distances to their prototypes, the means of their samples.
 *
 * @param {Tensor} known features [classes · samples, features], one class after the other
 * @param {Tensor} unknown [m, features]
 * @param {number} classes
 * @returns {Tensor} [m, classes]
 */
export function logProbabilities(known, unknown, classes) {
  const [count, features] = known.shape;
  const prototypes = known.reshape([classes, count / classes, features]).mean({ dim: 1 });
  const distances = unknown.unsqueeze(1).sub(prototypes.unsqueeze(0)).square().sum({ dim: 2 });
  return distances.neg().logSoftmax(1);
}
