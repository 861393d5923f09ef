import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { checkInteger } from '../errors.js';
import { functional, Linear, Module } from '../nn/index.js';
import { relu, sigmoid } from '../ops/activation.js';
import { randn } from '../ops/random.js';
import { randnLike } from '../ops/random-like.js';
import type { Tensor } from '../tensor.js';

/** Arguments of `VAE`, by name. */
export interface VAEOptions {
  /** The width of x; default 784. */
  inFeatures?: number;
  /** The width of the layer between x and the code, in both directions; default 400. */
  hiddenFeatures?: number;
  /** The width of the code; default 20. */
  latentFeatures?: number;
}

/**
 * A variational autoencoder of values in [0, 1], such as pixels: an encoder gives the mean and the variance of a code z, a decoder
 * the probabilities of x.
 * Kingma and Welling, "Auto-encoding variational Bayes", 2013, https://arxiv.org/abs/1312.6114
 *
 *     h = relu(fc1 x)    μ = fc21 h    log σ² = fc22 h    z = μ + σ · ε    y = sigmoid(fc4 relu(fc3 z))
 *
 * | x | μ, log σ², z | y |
 * |---|---|---|
 * | [batch, inFeatures] | [batch, latentFeatures] | [batch, inFeatures] |
 *
 * `forward(x)` gives [y, μ, log σ²]; in evaluation z is μ. `loss(x)` is what training minimises. Keys are those of PyTorch's
 * example: `fc1`, `fc21`, `fc22`, `fc3`, `fc4`.
 *
 * @throws ArgumentError for widths that are no positive integers, ShapeError when x has another width
 * @example
 * const model = new models.VAE(784, 64, 2);
 * model.sample(5); // [5, 784]
 */
export class VAE extends Module {
  readonly latentFeatures: number;
  readonly fc1: Linear;
  readonly fc21: Linear;
  readonly fc22: Linear;
  readonly fc3: Linear;
  readonly fc4: Linear;

  /** @param args inFeatures (784), hiddenFeatures (400), latentFeatures (20) */
  constructor(
    ...args: Positional<
      VAEOptions,
      [inFeatures: 'inFeatures', hiddenFeatures: 'hiddenFeatures', latentFeatures: 'latentFeatures']
    >
  ) {
    super();
    const o = optionsOf<VAEOptions>('VAE', args, ['inFeatures', 'hiddenFeatures', 'latentFeatures']);
    const inFeatures = checkInteger('VAE', 'inFeatures', o.inFeatures ?? 784, 1);
    const hidden = checkInteger('VAE', 'hiddenFeatures', o.hiddenFeatures ?? 400, 1);
    const latent = checkInteger('VAE', 'latentFeatures', o.latentFeatures ?? 20, 1);
    this.latentFeatures = latent;
    [this.fc1, this.fc21, this.fc22, this.fc3, this.fc4] = allOrNothing(() => [
      new Linear(inFeatures, hidden),
      new Linear(hidden, latent),
      new Linear(hidden, latent),
      new Linear(latent, hidden),
      new Linear(hidden, inFeatures),
    ]);
  }

  /** μ and log σ² of the code. */
  encode(x: Tensor): [mean: Tensor, logVar: Tensor] {
    const h = relu(this.fc1.forward(x));
    return [this.fc21.forward(h), this.fc22.forward(h)];
  }

  /** In training μ + σ · ε with ε normal, else μ. */
  reparameterize(mean: Tensor, logVar: Tensor): Tensor {
    return this.training ? mean.add(logVar.mul(0.5).exp().mul(randnLike(mean))) : mean;
  }

  /** The probabilities of x. */
  decode(z: Tensor): Tensor {
    return sigmoid(this.logits(z));
  }

  forward(x: Tensor): [y: Tensor, mean: Tensor, logVar: Tensor] {
    const [mean, logVar] = this.encode(x);
    return [this.decode(this.reparameterize(mean, logVar)), mean, logVar];
  }

  /**
   * The negative evidence lower bound, the mean over the batch: binary cross entropy, summed over features, and the divergence of
   * the code from N(0, 1), -½ Σ (1 + log σ² - μ² - σ²).
   */
  loss(x: Tensor): Tensor {
    const [mean, logVar] = this.encode(x);
    const logits = this.logits(this.reparameterize(mean, logVar));
    const error = functional.binaryCrossEntropyWithLogits(logits, x, { reduction: 'sum' });
    const divergence = logVar.add(1).sub(mean.square()).sub(logVar.exp()).sum().mul(-0.5);
    return error.add(divergence).div(x.dims[0] as number);
  }

  /** Probabilities of `count` codes from N(0, 1), [count, inFeatures]. */
  sample(count: number): Tensor {
    const n = checkInteger('VAE.sample', 'count', count, 1);
    return this.decode(randn([n, this.latentFeatures], { dtype: this.fc3.weight.dtype }));
  }

  private logits(z: Tensor): Tensor {
    return this.fc4.forward(relu(this.fc3.forward(z)));
  }
}
