// Tensors whose shape only the sender knows, between neighbours of a pipeline.
import { type DType, dtypes, isFloat } from '../dtype.js';
import { tensor } from '../ops/creation.js';
import { empty } from '../ops/creation-spaced.js';
import type { Tensor } from '../tensor.js';
import { recv, send } from './collectives.js';
import type { ProcessGroup } from './process-group.js';

/** Apart from messages of the program's own. */
const tag = 2 ** 31 - 1;
/** Of the first message: dtype, whether gradients are wanted, number of dimensions, sizes. */
const most = 16;

/** @internal */
export async function sendAny(group: ProcessGroup, t: Tensor, to: number): Promise<void> {
  const head = new Int32Array(most);
  head.set([dtypes.indexOf(t.dtype), Number(t.requiresGrad), t.rank, ...t.shape.slice(0, most - 3)]);
  const first = send(tensor(head), to, { group, tag });
  await Promise.all([first, send(t.detach(), to, { group, tag })]);
}

/** @internal A leaf, with gradients if the sender's has them. */
export async function receiveAny(group: ProcessGroup, from: number): Promise<Tensor> {
  const head = await recv(empty([most], { dtype: 'int32' }), from, { group, tag });
  const [code = 0, wanted, rank = 0, ...sizes] = head.toTypedArray() as Int32Array;
  const dtype = dtypes[code] as DType;
  const t = await recv(empty([...sizes.slice(0, rank)], { dtype }), from, { group, tag });
  t.requiresGrad = wanted === 1 && isFloat(dtype);
  return t;
}
