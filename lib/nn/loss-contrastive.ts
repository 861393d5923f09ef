// The loss of contrastive learning: two views of one thing are to be more alike than views of different things.
import { optionsOf, type Positional } from '../arguments.js';
import { checkNumber, formatShape, ShapeError } from '../errors.js';
import { arange, eye } from '../ops/creation.js';
import { normalize } from '../ops/distance.js';
import { add, mul } from '../ops/elementwise.js';
import { matmul } from '../ops/matmul.js';
import { roll } from '../ops/shape-parts.js';
import { cat } from '../ops/shape-slice.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { crossEntropy } from './loss.js';
import { type LossOptions, reductionOf } from './loss-common.js';

/** Options of `ntXentLoss`. */
export interface NTXentLossOptions extends LossOptions {
  /** What cosines are divided by, above 0; default 0.5. The smaller, the more the nearest of the others count. */
  temperature?: number;
}

/**
 * Normalised temperature-scaled cross entropy, the InfoNCE loss of SimCLR: of all other vectors z of both inputs, the one at the
 * same place in the other input is to be found by its cosine. For each of the 2 · batch vectors,
 * -log(exp(cos(zᵢ, zⱼ) / temperature) / Σₖ exp(cos(zᵢ, zₖ) / temperature)), where j is its partner and k everything but i.
 * (Chen et al., A simple framework for contrastive learning of visual representations, 2020, https://arxiv.org/abs/2002.05709)
 *
 * @param input1 [batch, features]: the vector of one view of each sample
 * @param input2 the same of another view, of input1's shape and dtype
 * @param args temperature (default 0.5), reduction; with `'none'` the losses are [2 · batch], first those of input1
 * @throws ShapeError, DTypeError when the two differ or are not [batch, features], ArgumentError for a temperature not above 0
 * @example
 * nn.functional.ntXentLoss(tensor([[1, 0], [0, 1]]), tensor([[1, 0], [0, 1]]), 1); // log(1 + 2 / e) = 0.55144
 */
export function ntXentLoss(
  input1: Tensor,
  input2: Tensor,
  ...args: Positional<NTXentLossOptions, [temperature: 'temperature']>
): Tensor {
  const name = 'ntXentLoss';
  const options = optionsOf<NTXentLossOptions>(name, args, ['temperature'], ['reduction']);
  const temperature = checkNumber(name, 'temperature', options.temperature ?? 0.5, { min: 0, open: true });
  const reduction = reductionOf(name, options);
  checkTensor(name, 'input1', input1);
  checkTensor(name, 'input2', input2);
  checkFloat(name, 'input1', input1);
  checkSameDType(name, ['input1', 'input2'], [input1, input2]);
  if (input1.rank !== 2 || !sameShape(input1.dims, input2.dims)) {
    const got = `got input1 ${formatShape(input1.dims)} and input2 ${formatShape(input2.dims)}`;
    throw new ShapeError(`${name}: inputs must both be [batch, features], ${got}`);
  }
  const [batch = 0] = input1.dims;
  const z = normalize(cat([input1, input2]));
  // Nothing is its own neighbour. A finite number, for -∞ times 0 would be NaN in second derivatives.
  const itself = mul(eye(2 * batch, { dtype: z.dtype }), -1e30);
  const scores = add(mul(matmul(z, z, { transposeB: true }), 1 / temperature), itself);
  const partners = roll(arange(2 * batch, { dtype: 'int32' }), batch);
  return crossEntropy(scores, partners, { reduction });
}
