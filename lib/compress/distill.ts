// What a small network learns from a large one.
import { checkNumber, formatShape, ShapeError } from '../errors.js';
import { crossEntropy, mseLoss } from '../nn/loss.js';
import { klDiv } from '../nn/loss-likelihood.js';
import { detach } from '../ops/copy.js';
import { normalize } from '../ops/distance.js';
import { add, mul, square } from '../ops/elementwise.js';
import { mean } from '../ops/reduce.js';
import { reshape } from '../ops/shape.js';
import { logSoftmax, softmax } from '../ops/softmax.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';

/** Options of {@link distillationLoss}. */
export interface DistillationOptions {
  /** T: the higher, the more the teacher's small probabilities count. Default 2. */
  temperature?: number;
  /** The true classes, int32 [n]; default none. */
  labels?: Tensor;
  /** α: the weight of the teacher beside the labels, from 0 to 1; default 0.5 with labels, 1 without. */
  alpha?: number;
}

/**
 * The loss of a student that shall give the probabilities of a teacher:
 * α · T² · KL(softmax(teacher / T) ‖ softmax(student / T)) + (1 − α) · crossEntropy(student, labels). T² keeps the gradients as
 * large as those of the labels. The teacher gets no gradient.
 *
 * Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015, https://arxiv.org/abs/1503.02531
 *
 * @param student logits [n, classes]
 * @param teacher logits [n, classes]
 * @returns a scalar, the mean over the n samples
 * @throws ShapeError when the logits have different shapes; ArgumentError for an option
 * @example
 * const teacher = nn.sequential(new nn.Linear(4, 64), new nn.ReLU(), new nn.Linear(64, 3));
 * const student = new nn.Linear(4, 3);
 * const x = randn([8, 4]);
 * compress.distillationLoss(student.forward(x), teacher.forward(x), { labels: randint(0, 3, [8]) }).backward();
 */
export function distillationLoss(student: Tensor, teacher: Tensor, options: DistillationOptions = {}): Tensor {
  const operation = 'distillationLoss';
  checkPair(operation, student, teacher, 2);
  checkOptions(operation, options, ['temperature', 'labels', 'alpha']);
  const { labels } = options;
  const t = checkNumber(operation, 'temperature', options.temperature ?? 2, { min: 0, open: true });
  const alpha = checkNumber(operation, 'alpha', options.alpha ?? (labels === undefined ? 1 : 0.5), { min: 0, max: 1 });
  const wanted = softmax(mul(detach(teacher), 1 / t), { dim: -1 });
  const loss = klDiv(logSoftmax(mul(student, 1 / t), { dim: -1 }), wanted, { reduction: 'batchmean' });
  if (labels === undefined) return mul(loss, alpha * t * t);
  return add(mul(loss, alpha * t * t), mul(crossEntropy(student, labels), 1 - alpha));
}

/**
 * The loss of a student whose hidden activations shall be those of a teacher: their mean squared difference. If the student's
 * are smaller, pass them through a linear layer that is trained with it. The teacher gets no gradient.
 *
 * Romero et al., "FitNets: hints for thin deep nets", 2014, https://arxiv.org/abs/1412.6550
 *
 * @param student of any shape
 * @param teacher of the same shape
 * @returns a scalar
 * @throws ShapeError when the shapes differ
 * @example
 * compress.featureLoss(ones([2, 3]), zeros([2, 3])); // 1
 */
export function featureLoss(student: Tensor, teacher: Tensor): Tensor {
  checkPair('featureLoss', student, teacher, 1);
  return mseLoss(student, detach(teacher));
}

/**
 * The loss of a student that shall look where a teacher looks: the mean squared difference of their attention maps, which are the
 * squares of the activations, averaged over channels and scaled to length 1. The numbers of channels may differ. The teacher
 * gets no gradient.
 *
 * Zagoruyko and Komodakis, "Paying more attention to attention", 2016, https://arxiv.org/abs/1612.03928
 *
 * @param student activations [n, channels, …]
 * @param teacher activations [n, channels, …], as large as the student's
 * @returns a scalar
 * @throws ShapeError when n or the places differ
 * @example
 * const x = rand([2, 4, 5, 5]);
 * compress.attentionLoss(x, x.mul(3)).lt(1e-12); // 1
 */
export function attentionLoss(student: Tensor, teacher: Tensor): Tensor {
  const operation = 'attentionLoss';
  for (const [name, x] of [
    ['student', student],
    ['teacher', teacher],
  ] as const) {
    checkFloat(operation, name, checkTensor(operation, name, x));
    if (x.ndim >= 3) continue;
    throw new ShapeError(`${operation}: ${name} must be [n, channels, …], got ${formatShape(x.dims)}`);
  }
  checkSameDType(operation, ['student', 'teacher'], [student, teacher]);
  const places = (x: Tensor) => [x.dims[0] as number, ...x.dims.slice(2)];
  if (!sameShape(places(student), places(teacher))) {
    const got = `student ${formatShape(student.dims)} and teacher ${formatShape(teacher.dims)}`;
    throw new ShapeError(`${operation}: samples and places must be the same, got ${got}`);
  }
  return mseLoss(attentionMap(student), attentionMap(detach(teacher)));
}

const attentionMap = (x: Tensor): Tensor =>
  normalize(reshape(mean(square(x), { dim: 1 }), [x.dims[0] as number, -1]), { dim: 1 });

function checkPair(operation: string, student: Tensor, teacher: Tensor, rank: number): void {
  checkFloat(operation, 'student', checkTensor(operation, 'student', student));
  checkFloat(operation, 'teacher', checkTensor(operation, 'teacher', teacher));
  checkSameDType(operation, ['student', 'teacher'], [student, teacher]);
  if (sameShape(student.dims, teacher.dims) && student.ndim >= rank) return;
  const got = `student ${formatShape(student.dims)} and teacher ${formatShape(teacher.dims)}`;
  throw new ShapeError(`${operation}: shapes must be the same${rank > 1 ? ', [n, classes]' : ''}, got ${got}`);
}
