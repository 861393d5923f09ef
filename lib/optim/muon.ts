import { ArgumentError, checkChoice, checkFlag, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { zerosLike } from '../ops/creation.js';
import { maximum } from '../ops/elementwise.js';
import { matmul } from '../ops/matmul.js';
import type { Tensor } from '../tensor.js';
import { Optimizer, type StateOf } from './optimizer.js';
import { checkRates, type OptimizerArguments, type OptionTensors, type ParameterGroup } from './options.js';
import type { GivenGroup, Parameters } from './parameters.js';

export interface MuonOptions {
  /** Learning rate; default 0.001. */
  lr: number;
  /** Decay apart from the gradient; default 0.1. */
  weightDecay: number;
  /** Decay of the average of the gradient; default 0.95. */
  momentum: number;
  /** Look one step ahead; default true. */
  nesterov: boolean;
  /** a, b and c of the iteration; default [3.4445, -4.775, 2.0315]. */
  nsCoefficients: readonly [number, number, number];
  /** The least norm that the direction is divided by; default 1e-7. */
  eps: number;
  /** The number of iterations, below 100; default 5. */
  nsSteps: number;
  /**
   * The factor of lr for a parameter [m, n]: √max(1, m / n) for original and null; 0.2 √max(m, n) for matchRmsAdamw, whose
   * steps are as large as AdamW's; √(m / n) for spectralUnclamped. Default null.
   */
  adjustLrFn: 'original' | 'matchRmsAdamw' | 'spectralUnclamped' | null;
}

interface MuonState {
  momentum_buffer: Tensor;
}

/**
 * Muon, for the matrices of hidden layers (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
 * https://kellerjordan.github.io/posts/muon/; with weight decay Liu et al., "Muon is scalable for LLM training", 2025,
 * https://arxiv.org/abs/2502.16982), PyTorch's formulas, for each parameter θ [m, n] with gradient g. Other parameters, and
 * those of the first and the last layer, are for another optimizer, such as AdamW.
 *
 *     b = momentum · b + (1 - momentum) g
 *     X = nesterov ? (1 - momentum) g + momentum · b : b
 *     X = X / max(‖X‖, eps), transposed if m > n;   nsSteps times: A = X Xᵀ, X = a X + (b A + c A²) X
 *     θ = θ - lr · weightDecay · θ - lr · factor · X
 *
 * The iteration, which makes all singular values of X about 1, runs in the parameter's dtype; PyTorch's in bfloat16.
 *
 * State: `step`, `momentum_buffer` (b).
 *
 * @throws ShapeError for a parameter that is not a matrix
 * @example
 * const matrices = model.parameters().filter((p) => p.rank === 2);
 * const optimizer = new optim.Muon(matrices, 0.02, { adjustLrFn: 'matchRmsAdamw' });
 */
export class Muon extends Optimizer<MuonOptions, MuonState> {
  constructor(params: Parameters<MuonOptions>, ...args: OptimizerArguments<MuonOptions>) {
    const numbers = { lr: 1e-3, weightDecay: 0.1, momentum: 0.95, eps: 1e-7, nsSteps: 5 };
    const others = { nesterov: true, nsCoefficients: [3.4445, -4.775, 2.0315] as const, adjustLrFn: null };
    super('Muon', params, { ...numbers, ...others }, ...args);
  }

  protected override checkGroup(o: MuonOptions): void {
    checkRates('Muon', o, ['lr', 'weightDecay', 'momentum', 'eps']);
    checkFlag('Muon', 'nesterov', o.nesterov);
    checkInteger('Muon', 'nsSteps', o.nsSteps, 0, 99);
    const list: unknown[] = Array.isArray(o.nsCoefficients) ? [...o.nsCoefficients] : [];
    if (list.length !== 3 || !list.every(Number.isFinite)) {
      throw new ArgumentError(`Muon: nsCoefficients must be three finite numbers, got ${describe(o.nsCoefficients)}`);
    }
    const choices = ['original', 'matchRmsAdamw', 'spectralUnclamped'] as const;
    checkChoice('Muon', 'adjustLrFn', o.adjustLrFn ?? undefined, choices, 'original');
  }

  override addParamGroup(group: GivenGroup<MuonOptions>): void {
    const count = this.paramGroups.length;
    super.addParamGroup(group);
    const { params } = this.paramGroups[count] as ParameterGroup<MuonOptions>;
    const other = params.find((p) => p.rank !== 2);
    if (other === undefined) return;
    this.paramGroups.pop();
    throw new ShapeError(`Muon: a parameter must be a matrix, got ${formatShape(other.shape)}; use AdamW for it`);
  }

  protected override flags(o: MuonOptions): readonly unknown[] {
    return [o.nsSteps];
  }

  protected init(p: Tensor): MuonState {
    return { momentum_buffer: zerosLike(p) };
  }

  protected apply(p: Tensor, g: Tensor, state: StateOf<MuonState>, o: OptionTensors<MuonOptions>): void {
    const { momentum_buffer: b } = state;
    b.copy_(b.add(g.sub(b).mul(o.momentum.neg().add(1))));
    const direction = o.nesterov ? g.add(b.sub(g).mul(o.momentum)) : b;
    const group = this.paramGroups.find(({ params }) => params.includes(p)) as ParameterGroup<MuonOptions>;
    const update = orthogonal(direction, group.nsSteps, o);
    const rate = o.lr.mul(factorOf(o.adjustLrFn, p.shape as readonly [number, number]));
    p.copy_(p.sub(p.mul(o.lr.mul(o.weightDecay))).sub(update.mul(rate)));
  }
}

// The matrix with the same singular vectors, and singular values of about 1.
function orthogonal(x: Tensor, steps: number, o: OptionTensors<MuonOptions>): Tensor {
  const [a, b, c] = o.nsCoefficients;
  const [rows, columns] = x.shape as readonly [number, number];
  const isTall = rows > columns;
  let y = isTall ? x.transpose(0, 1) : x;
  y = y.div(maximum(y.square().sum().sqrt(), o.eps));
  for (let i = 0; i < steps; i++) {
    const gram = matmul(y, y.transpose(0, 1));
    const update = gram.mul(b).add(matmul(gram, gram).mul(c));
    y = y.mul(a).add(matmul(update, y));
  }
  return isTall ? y.transpose(0, 1) : y;
}

function factorOf(choice: MuonOptions['adjustLrFn'], [rows, columns]: readonly [number, number]): number {
  if (choice === 'matchRmsAdamw') return 0.2 * Math.sqrt(Math.max(rows, columns));
  const ratio = rows / columns;
  return Math.sqrt(choice === 'spectralUnclamped' ? ratio : Math.max(1, ratio));
}
