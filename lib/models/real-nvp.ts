import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { checkInteger, formatShape, ShapeError } from '../errors.js';
import { Buffer, Linear, Module, ModuleList, Parameter, ReLU, Sequential } from '../nn/index.js';
import { zeros_ } from '../nn/init.js';
import { ones, tensor } from '../ops/creation.js';
import type { Generator } from '../ops/generator.js';
import { randn } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';

/** Arguments of `RealNVP`, by name. */
export interface RealNVPOptions {
  /** The width of x, at least 2. */
  features: number;
  /** How many couplings; default 6. */
  layers?: number;
  /** The width of the two hidden layers of each coupling's network; default 64. */
  hiddenFeatures?: number;
}

// z = x · eˢ + t, where s and t depend on one half of x and are 0 there: the half itself stays, so that s and t can be had from z, too.
class Coupling extends Module {
  readonly mask: Tensor;
  readonly net: Sequential;
  readonly scale: Tensor;

  constructor(features: number, hidden: number, parity: number) {
    super();
    this.mask = new Buffer(tensor(Array.from({ length: features }, (_, i) => (i + parity) % 2)), { persistent: false });
    const last = new Linear(hidden, 2 * features);
    zeros_(last.weight); // it begins as the identity
    zeros_(last.bias as Tensor);
    const wide = new Linear(hidden, hidden);
    this.net = new Sequential(new Linear(features, hidden), new ReLU(), wide, new ReLU(), last);
    this.scale = new Parameter(ones([features]));
  }

  private terms(x: Tensor): [s: Tensor, t: Tensor] {
    const [raw, shift] = this.net.forward(x.mul(this.mask)).chunk(2, 1) as [Tensor, Tensor];
    const free = this.mask.neg().add(1);
    return [raw.tanh().mul(this.scale).mul(free), shift.mul(free)];
  }

  forward(x: Tensor): [z: Tensor, logDet: Tensor] {
    const [s, t] = this.terms(x);
    return [x.mul(s.exp()).add(t), s.sum(1)];
  }

  inverse(z: Tensor): Tensor {
    const [s, t] = this.terms(z);
    return z.sub(t).mul(s.neg().exp());
  }
}

/**
 * A normalising flow: an invertible network that makes data normal, z = f(x), so that their density is known exactly and samples are
 * f⁻¹ of noise. Each of its couplings scales and shifts half of the numbers by what a small network makes of the other half:
 *
 *     z = x · eˢ + t    s = scale · tanh(…), 0 for the half that stays    log p(x) = log N(z; 0, 1) + Σ s
 *
 * Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2016, https://arxiv.org/abs/1605.08803
 *
 * `forward(x)` gives [z, log |det ∂z/∂x|] for x [batch, features]; `loss(x)` is what training minimises. It begins as the identity: give it data
 * with means about 0 and deviations about 1.
 *
 * @throws ArgumentError for sizes that are no positive integers, ShapeError when x has another width
 * @example
 * const flow = new models.RealNVP(2, { layers: 4 });
 * flow.logProb(zeros([3, 2])); // [3], each -log(2π) before training
 */
export class RealNVP extends Module {
  readonly features: number;
  readonly couplings: ModuleList<Coupling>;

  /** @param args features; options: layers (6), hiddenFeatures (64) */
  constructor(...args: Positional<RealNVPOptions, [features: 'features']>) {
    super();
    const options = optionsOf<RealNVPOptions>('RealNVP', args, ['features'], ['layers', 'hiddenFeatures']);
    const features = checkInteger('RealNVP', 'features', options.features, 2);
    const layers = checkInteger('RealNVP', 'layers', options.layers ?? 6, 1, 1000);
    const hidden = checkInteger('RealNVP', 'hiddenFeatures', options.hiddenFeatures ?? 64, 1);
    this.features = features;
    this.couplings = allOrNothing(
      () => new ModuleList(Array.from({ length: layers }, (_, i) => new Coupling(features, hidden, i % 2))),
    );
  }

  /** z, and the logarithm of |det ∂z/∂x|, [batch]. */
  forward(x: Tensor): [z: Tensor, logDet: Tensor] {
    let z = this.checked('forward', 'x', x);
    let total: Tensor | undefined;
    for (const coupling of this.couplings) {
      const [next, logDet] = coupling.forward(z);
      [z, total] = [next, total === undefined ? logDet : total.add(logDet)];
    }
    return [z, total as Tensor];
  }

  /** x for z, [batch, features]. */
  inverse(z: Tensor): Tensor {
    const all = [...this.couplings].reverse();
    return all.reduce((x, coupling) => coupling.inverse(x), this.checked('inverse', 'z', z));
  }

  /** The log-density of each sample, [batch]. */
  logProb(x: Tensor): Tensor {
    const [z, logDet] = this.forward(x);
    const constant = (this.features * Math.log(2 * Math.PI)) / 2;
    return logDet.sub(z.square().sum(1).mul(0.5)).sub(constant);
  }

  /** The negative log-likelihood of a sample in nats, the mean over the batch. */
  loss(x: Tensor): Tensor {
    return this.logProb(x).mean().neg();
  }

  /** `count` samples, [count, features]. */
  sample(count: number, options: { generator?: Generator } = {}): Tensor {
    checkOptions('RealNVP.sample', options, ['generator']);
    const n = checkInteger('RealNVP.sample', 'count', count, 1);
    const { dtype } = this.couplings.at(0).mask;
    return allOrNothing(() => this.inverse(randn([n, this.features], { ...options, dtype })));
  }

  private checked(method: string, name: string, x: Tensor): Tensor {
    const { dims } = checkTensor(`RealNVP.${method}`, name, x);
    if (dims.length === 2 && dims[1] === this.features) return x;
    throw new ShapeError(
      `RealNVP.${method}: ${name} must be [batch, ${this.features}], got ${name} ${formatShape(dims)}`,
    );
  }
}
