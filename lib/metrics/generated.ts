// How much made samples are like real ones.
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkFlag, ShapeError } from '../errors.js';
import { scope } from '../memory.js';
import { tensor } from '../ops/creation.js';
import { mul, sqrt, square, sub } from '../ops/elementwise.js';
import { clamp } from '../ops/elementwise-compare.js';
import { eigh, eigvalsh } from '../ops/linalg-eigh.js';
import { matmul } from '../ops/matmul.js';
import { mean, sum } from '../ops/reduce.js';
import { cov } from '../ops/reduce-composed.js';
import { reshape, transpose } from '../ops/shape.js';
import { trace } from '../ops/shape-diagonal.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { readProbabilities, readValues, type Values } from './values.js';

/** The mean and the covariance of each set's features. */
interface Moments {
  center: Tensor;
  spread: Tensor;
}

/**
 * The Fréchet distance of two sets of features, each taken for a Gaussian: |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½). It is 0 for equal sets.
 * Two finite sets from one source are above that, the more so the smaller they are: compare sets of equal sizes.
 * Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017, https://arxiv.org/abs/1706.08500
 *
 * @param real features of real samples, such as the last hidden layer of a classifier, [n, features]
 * @param generated features of made ones, [m, features]
 * @throws ArgumentError for fewer than two samples, ShapeError when the widths differ
 * @example
 * metrics.frechetDistance(randn([500, 8]), randn([500, 8]).add(1)); // about 8
 */
export function frechetDistance(real: Values, generated: Values): number {
  return scope(() =>
    noGrad(() => {
      const [a, b] = [momentsOf('real', real), momentsOf('generated', generated)];
      const [width, other] = [a.center.size, b.center.size];
      if (width !== other) {
        throw new ShapeError(
          `frechetDistance: generated must have as many features as real, ${width}, got ${other}; take both from the same layer`,
        );
      }
      // With Σ₁ = R · Rᵀ, the eigenvalues of Σ₁ · Σ₂ are those of the symmetric Rᵀ · Σ₂ · R. Rounding may leave some just below 0.
      const { eigenvalues, eigenvectors } = eigh(a.spread);
      const root = mul(eigenvectors, sqrt(clamp(eigenvalues, { min: 0 })));
      const values = eigvalsh(matmul(matmul(transpose(root, 0, 1), b.spread), root));
      const shared = sum(sqrt(clamp(values, { min: 0 }))).item();
      const apart = sum(square(sub(a.center, b.center))).item();
      return Math.max(0, apart + trace(a.spread).item() + trace(b.spread).item() - 2 * shared);
    }),
  );
}

function momentsOf(name: string, given: Values): Moments {
  const { data, rows, columns } = readValues('frechetDistance', name, given);
  if (rows < 2) {
    throw new ArgumentError(`frechetDistance: ${name} must have at least two samples, got ${rows}`);
  }
  const x = tensor(Float64Array.from(data), { shape: [rows, columns] });
  return { center: mean(x, 0), spread: reshape(cov(transpose(x, 0, 1)), [columns, columns]) };
}

/** Options of {@link inceptionScore}. */
export interface InceptionScoreOptions {
  /** Whether input holds logits; default false. */
  logits?: boolean;
}

/**
 * exp of the mean divergence of a classifier's answers from their mean, exp(E KL(p(y | x) ‖ p(y))): 1 if all samples look alike, the number of classes
 * if each is a clear case and all classes are equally frequent.
 * Salimans et al., "Improved techniques for training GANs", 2016, https://arxiv.org/abs/1606.03498
 *
 * @param input what a classifier says of made samples, [n, classes]
 * @throws ArgumentError for no samples, and for what are no probabilities
 * @example
 * metrics.inceptionScore(eye(4)); // 4
 */
export function inceptionScore(input: Values, options?: InceptionScoreOptions): number {
  checkOptions('inceptionScore', options, ['logits']);
  const logits = checkFlag('inceptionScore', 'logits', options?.logits, false);
  const block = readValues('inceptionScore', 'input', input);
  const { rows, columns } = block;
  if (rows === 0 || columns < 2) {
    const got = `got ${rows} samples of ${columns}`;
    throw new ShapeError(`inceptionScore: input must be [n, classes] with n and classes of at least 1 and 2, ${got}`);
  }
  const { data } = readProbabilities('inceptionScore', block, logits);
  const average = new Float64Array(columns);
  for (let i = 0; i < data.length; i++)
    average[i % columns] = (average[i % columns] as number) + (data[i] as number) / rows;
  let divergence = 0;
  for (let i = 0; i < data.length; i++) {
    const p = data[i] as number;
    if (p > 0) divergence += (p * Math.log(p / (average[i % columns] as number))) / rows;
  }
  return Math.exp(divergence);
}
