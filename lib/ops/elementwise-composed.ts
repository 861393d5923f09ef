// What elementwise functions without a kernel of their own are made with.
import { noGrad, record } from '../autograd/tape.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { mul } from './elementwise.js';

/**
 * A function of one float tensor. `forward` is computed in float64, so that float32 results are correctly rounded; `slope` is
 * the derivative, given x and the result, composed of operations that have derivatives.
 */
export function composed(
  name: string,
  x: Tensor,
  forward: (x: Tensor) => Tensor,
  slope: (x: Tensor, y: Tensor) => Tensor,
): Tensor {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  const y = noGrad(() => to(forward(to(x, 'float64')), x.dtype));
  return record(name, y, [x], (dy) => [mul(dy, slope(x, y))], [x, y]);
}

/** c₀ + c₁·x + c₂·x² + …, by Horner's rule. */
export function polynomial(x: Tensor, coefficients: readonly number[]): Tensor {
  const last = coefficients.length - 1;
  let y = mul(x, coefficients[last] as number);
  for (let i = last - 1; i > 0; i--) y = mul(y.add(coefficients[i] as number), x);
  return y.add(coefficients[0] as number);
}
