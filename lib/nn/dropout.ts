import { checkNumber, checkOptions } from '../errors.js';
import { dropout } from '../ops/random.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/**
 * In training, sets each element to 0 with probability p and multiplies the others by 1 / (1 - p); in evaluation passes its
 * input through. Srivastava et al., 2014: https://jmlr.org/papers/v15/srivastava14a.html
 *
 * @example
 * const model = nn.sequential(new nn.Linear(784, 128), nn.relu, new nn.Dropout({ p: 0.2 }), new nn.Linear(128, 10));
 */
export class Dropout extends Module {
  readonly p: number;

  /** @param options p: in [0, 1], default 0.5 */
  constructor(options?: { p?: number }) {
    super();
    checkOptions('Dropout', options, ['p']);
    this.p = checkNumber('Dropout', 'p', options?.p ?? 0.5, { least: 0, most: 1 });
  }

  forward(x: Tensor): Tensor {
    return dropout(x, { p: this.p, training: this.training });
  }

  override toString(): string {
    return `Dropout(p ${this.p})`;
  }
}
