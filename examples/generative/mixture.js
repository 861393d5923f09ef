import { distributions, noGrad, randperm, stack, tensor } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * A mixture of Gaussians by expectation and maximisation (Dempster, Laird and Rubin 1977), which begins at points drawn at random.
 *
 * @param {Tensor} x [n, width]
 * @param {{ components: number, rounds: number }} options
 */
export function mixtureOf(x, { components, rounds }) {
  return noGrad(() => {
    const [n = 1, width = 1] = x.shape;
    const ridge = tensor(
      Array.from({ length: width }, (_, i) => Array.from({ length: width }, (_, j) => (i === j ? 1e-4 : 0))),
    );
    const all = x.sub(x.mean(0));
    const whole = all.transpose(0, 1).matmul(all).div(n);
    let means = x.indexSelect(0, randperm(n).slice({ end: components }));
    let covariances = stack(
      Array.from({ length: components }, () => whole.div(components)),
      0,
    );
    let weights = tensor(new Float32Array(components).fill(1 / components));
    const mixture = () =>
      new distributions.MixtureSameFamily(
        new distributions.Categorical({ probs: weights }),
        new distributions.MultivariateNormal(means, { covarianceMatrix: covariances }),
      );
    for (let round = 0; round < rounds; round++) {
      const each = new distributions.MultivariateNormal(means, { covarianceMatrix: covariances });
      const shares = each.logProb(x.unsqueeze(1)).add(weights.log()).softmax(1); // [n, components]
      const sizes = shares.sum(0);
      means = shares.transpose(0, 1).matmul(x).div(sizes.unsqueeze(1));
      const centred = x.unsqueeze(0).sub(means.unsqueeze(1)); // [components, n, width]
      const weighed = centred.mul(shares.transpose(0, 1).unsqueeze(2));
      covariances = weighed
        .transpose(1, 2)
        .matmul(centred)
        .div(sizes.reshape([-1, 1, 1]))
        .add(ridge);
      weights = sizes.div(n);
    }
    return mixture();
  });
}
