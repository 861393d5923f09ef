import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkInteger, formatShape, ShapeError } from '../errors.js';
import { scope } from '../memory.js';
import { crossEntropy } from '../nn/loss.js';
import { tensor } from '../ops/creation.js';
import { reshape } from '../ops/shape.js';
import { checkTensor, Tensor } from '../tensor.js';
import { MeanMetric } from './mean.js';
import { once, type SampleWeight } from './metric.js';
import { type Block, readLabels, readValues, readWeights, type Values } from './values.js';

/** Options of {@link perplexity}. */
export interface PerplexityOptions {
  /** The class of targets that do not count, such as padding; default -100. */
  ignoreIndex?: number;
}

/**
 * exp of the mean of -log p of the right token (Jelinek et al. 1977): how many equally probable tokens the model chooses between. Input:
 * logits […, classes], or log-probabilities, which softmax leaves alone. Target: classes […] from 0 on. Each token is a sample.
 *
 * @example
 * const perplexity = new metrics.Perplexity();
 * perplexity.update(randn([2, 5, 100]), randint(0, 100, [2, 5]));
 */
export class Perplexity extends MeanMetric<number> {
  readonly #ignored: number;

  constructor(options: PerplexityOptions = {}) {
    super('Perplexity', options, ['ignoreIndex']);
    this.#ignored = checkInteger('Perplexity', 'ignoreIndex', options.ignoreIndex ?? -100, Number.MIN_SAFE_INTEGER);
  }

  /** Adds tokens: logits […, classes], targets […], and a weight for each target, default 1. */
  override update(input: Values, target: Values, weights?: Values): this {
    return scope(() =>
      noGrad(() => {
        const x = logitsOf(input);
        const [rows, classes] = x.shape as [number, number];
        const labels = readLabels('Perplexity', 'target', readValues('Perplexity', 'target', flat('target', target)));
        const counts = new Float64Array(rows).fill(1);
        if (labels.length !== rows) {
          const got = `got ${rows} rows of input and ${labels.length} targets`;
          throw new ShapeError(`Perplexity: target must have the shape of input without its last dimension, ${got}`);
        }
        if (weights !== undefined) counts.set(readWeights('Perplexity', flat('weights', weights), rows).data);
        const safe = new Int32Array(rows); // those that do not count stay 0
        for (let i = 0; i < rows; i++) {
          const label = labels[i] as number;
          if (label === this.#ignored) counts[i] = 0;
          else if (label >= 0 && label < classes) safe[i] = label;
          else {
            const rule = `target must hold classes from 0 to ${classes - 1} or ignoreIndex ${this.#ignored}`;
            throw new ArgumentError(`Perplexity: ${rule}, got ${label} in sample ${i}`);
          }
        }
        const losses = crossEntropy(x, tensor(safe), { reduction: 'none' }).toTypedArray();
        return super.update(losses, safe, counts);
      }),
    );
  }

  /** @internal */
  protected _add(losses: Block, _: Block, weights: ArrayLike<number> | undefined): void {
    this._addValues(losses.data, 1, weights);
  }

  /** @internal */
  protected _value(): number {
    return Math.exp(this._means()[0] as number);
  }
}

/** Tensors of any rank as one column. */
function flat(name: string, values: Values): Values {
  return values instanceof Tensor ? reshape(checkTensor('Perplexity', name, values), [-1]) : values;
}

/** Floats [n, classes]. */
function logitsOf(input: Values): Tensor {
  if (input instanceof Tensor) {
    const { shape, dtype, size } = checkTensor('Perplexity', 'input', input);
    const classes = shape.at(-1) ?? 0;
    if (shape.length < 2 || classes === 0) {
      throw new ShapeError(`Perplexity: input must be [n, classes] or […, classes], got ${formatShape(shape)}`);
    }
    const x = reshape(input, [size / classes, classes]);
    return dtype === 'float32' || dtype === 'float64' ? x : x.to('float32');
  }
  const { data, rows, columns } = readValues('Perplexity', 'input', input);
  return tensor(Float64Array.from(data), { shape: [rows, columns] });
}

/**
 * exp of the mean of -log p of the right token.
 *
 * @param input logits […, classes], or log-probabilities
 * @param target classes […] from 0 on
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError when no token counts
 * @example
 * metrics.perplexity(zeros([2, 5, 100]), zeros([2, 5])); // 100: all tokens are equally probable
 */
export function perplexity(input: Values, target: Values, options?: PerplexityOptions & SampleWeight): number {
  return once('perplexity', Perplexity, input, target, options);
}
