import { optionsOf, type Positional } from '../arguments.js';
import { checkChoice, checkNumber } from '../errors.js';
import {
  alphaDropout,
  dropout,
  dropout1d,
  dropout2d,
  dropout3d,
  featureAlphaDropout,
  stochasticDepth,
} from '../ops/random-dropout.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** Arguments of `StochasticDepth`, by name. */
export interface StochasticDepthLayerOptions {
  /** The probability of being dropped, in [0, 1]. */
  p: number;
  /** `row` decides for each sample, `batch` for all at once; default row. */
  mode?: 'row' | 'batch';
}

type StochasticDepthArguments = Positional<StochasticDepthLayerOptions, [p: 'p', mode: 'mode']>;
type DropoutArguments = [options?: { p?: number }] | [p: number];

const chanceOf = (name: string, args: DropoutArguments): number => optionsOf<{ p: number }>(name, args, ['p']).p ?? 0.5;

abstract class AnyDropout extends Module {
  readonly p: number;

  constructor(
    private readonly name: string,
    p: number | undefined,
  ) {
    super();
    this.p = checkNumber(name, 'p', p, { min: 0, max: 1 });
  }

  override toString(): string {
    return `${this.name}(p ${this.p})`;
  }
}

/**
 * In training, sets each element to 0 with probability p and multiplies the others by 1 / (1 - p); in evaluation passes its
 * input through. Srivastava et al., 2014: https://jmlr.org/papers/v15/srivastava14a.html
 *
 * @throws ArgumentError when p is outside [0, 1], DTypeError when x is not a float tensor
 * @example
 * const model = nn.sequential(new nn.Linear(784, 128), nn.functional.relu, new nn.Dropout(0.2), new nn.Linear(128, 10));
 */
export class Dropout extends AnyDropout {
  /** @param args p: in [0, 1] (0.5) */
  constructor(...args: DropoutArguments) {
    super('Dropout', chanceOf('Dropout', args));
  }

  forward(x: Tensor): Tensor {
    return dropout(x, { p: this.p, training: this.training });
  }
}

/**
 * `dropout1d` as a module: drops whole channels of x [batch, channels, length] or [channels, length].
 * Tompson et al., 2014, https://arxiv.org/abs/1411.4280
 *
 * @throws ShapeError when x has other dimensions
 * @example
 * new nn.Dropout1d(0.2).forward(rand([8, 3, 10])); // [8, 3, 10]
 */
export class Dropout1d extends AnyDropout {
  /** @param args p: in [0, 1] (0.5) */
  constructor(...args: DropoutArguments) {
    super('Dropout1d', chanceOf('Dropout1d', args));
  }

  forward(x: Tensor): Tensor {
    return dropout1d(x, { p: this.p, training: this.training });
  }
}

/**
 * `dropout2d` as a module: drops whole channels of x [batch, channels, height, width].
 * Tompson et al., 2014, https://arxiv.org/abs/1411.4280
 *
 * @throws ShapeError when x has other dimensions
 * @example
 * new nn.Dropout2d(0.2).forward(rand([8, 3, 4, 4])); // [8, 3, 4, 4]
 */
export class Dropout2d extends AnyDropout {
  /** @param args p: in [0, 1] (0.5) */
  constructor(...args: DropoutArguments) {
    super('Dropout2d', chanceOf('Dropout2d', args));
  }

  forward(x: Tensor): Tensor {
    return dropout2d(x, { p: this.p, training: this.training });
  }
}

/**
 * `dropout3d` as a module: drops whole channels of x [batch, channels, depth, height, width] or without batch.
 * Tompson et al., 2014, https://arxiv.org/abs/1411.4280
 *
 * @throws ShapeError when x has other dimensions
 * @example
 * new nn.Dropout3d(0.2).forward(rand([8, 3, 4, 4, 4])); // [8, 3, 4, 4, 4]
 */
export class Dropout3d extends AnyDropout {
  /** @param args p: in [0, 1] (0.5) */
  constructor(...args: DropoutArguments) {
    super('Dropout3d', chanceOf('Dropout3d', args));
  }

  forward(x: Tensor): Tensor {
    return dropout3d(x, { p: this.p, training: this.training });
  }
}

/**
 * `alphaDropout` as a module, for networks of `selu`: dropped elements become its lower limit, and mean and deviation are
 * kept. x and y have any shape. Klambauer et al., 2017, https://arxiv.org/abs/1706.02515
 *
 * @throws ArgumentError when p is outside [0, 1], DTypeError when x is not a float tensor
 * @example
 * const model = nn.sequential(new nn.Linear(784, 128), nn.functional.selu, new nn.AlphaDropout(0.1));
 */
export class AlphaDropout extends AnyDropout {
  /** @param args p: in [0, 1] (0.5) */
  constructor(...args: DropoutArguments) {
    super('AlphaDropout', chanceOf('AlphaDropout', args));
  }

  forward(x: Tensor): Tensor {
    return alphaDropout(x, { p: this.p, training: this.training });
  }
}

/**
 * `featureAlphaDropout` as a module: alpha dropout of whole channels, x [batch, channels, …].
 * Klambauer et al., 2017, https://arxiv.org/abs/1706.02515
 *
 * @throws ArgumentError when p is outside [0, 1], ShapeError when x has fewer than two dimensions
 * @example
 * new nn.FeatureAlphaDropout(0.2).forward(rand([8, 3, 4, 4])); // [8, 3, 4, 4]
 */
export class FeatureAlphaDropout extends AnyDropout {
  /** @param args p: in [0, 1] (0.5) */
  constructor(...args: DropoutArguments) {
    super('FeatureAlphaDropout', chanceOf('FeatureAlphaDropout', args));
  }

  forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, { p: this.p, training: this.training });
  }
}

/**
 * `stochasticDepth` as a module: drops whole samples of a residual branch, x [batch, …].
 * Huang et al., 2016, https://arxiv.org/abs/1603.09382
 *
 * @throws ArgumentError when p is outside [0, 1] or mode is unknown
 * @example
 * const branch = nn.sequential(new nn.Linear(784, 784), nn.functional.relu, new nn.StochasticDepth(0.2, 'row'));
 * const y = x.add(branch.forward(x));
 */
export class StochasticDepth extends AnyDropout {
  readonly mode: 'row' | 'batch';

  /** @param args p: in [0, 1]; mode: 'row' decides for each sample, 'batch' for all at once ('row') */
  constructor(...args: StochasticDepthArguments) {
    const options = optionsOf<StochasticDepthLayerOptions>('StochasticDepth', args, ['p', 'mode']);
    super('StochasticDepth', options.p);
    this.mode = checkChoice('StochasticDepth', 'mode', options.mode, ['row', 'batch'], 'row');
  }

  forward(x: Tensor): Tensor {
    return stochasticDepth(x, { p: this.p, training: this.training, mode: this.mode });
  }
}
