import { ShapeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { fold, type UnfoldOptions, unfold } from '../../lib/ops/unfold.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';

type Options = Omit<UnfoldOptions, 'kernelSize'>;

const at = (value: number | readonly number[] | undefined, i: number, fallback: number): number =>
  Array.isArray(value) ? value[i] : ((value as number | undefined) ?? fallback);

function unfolded(kernel: [number, number], o: Options): (x: Plain) => Plain {
  return (x) => {
    const [c, h, w] = x.shape.slice(-3) as [number, number, number];
    const sizes = [h, w];
    const outs = sizes.map((n, i) =>
      Math.floor(
        (n + 2 * at(o.padding, i, 0) - at(o.dilation, i, 1) * ((kernel[i as 0] as number) - 1) - 1) /
          at(o.stride, i, 1) +
          1,
      ),
    ) as [number, number];
    const batch = x.shape.slice(0, -3);
    const data: number[] = [];
    for (let n = 0; n < (batch[0] ?? 1); n++)
      for (let q = 0; q < c * kernel[0] * kernel[1]; q++)
        for (let i = 0; i < outs[0] * outs[1]; i++) {
          const [k, l] = [Math.floor(q / kernel[1]) % kernel[0], q % kernel[1]];
          const row = Math.floor(i / outs[1]) * at(o.stride, 0, 1) + k * at(o.dilation, 0, 1) - at(o.padding, 0, 0);
          const column = (i % outs[1]) * at(o.stride, 1, 1) + l * at(o.dilation, 1, 1) - at(o.padding, 1, 0);
          const channel = Math.floor(q / (kernel[0] * kernel[1]));
          const inside = row >= 0 && row < h && column >= 0 && column < w;
          data.push(inside ? (x.data[((n * c + channel) * h + row) * w + column] as number) : 0);
        }
    return { shape: [...batch, c * kernel[0] * kernel[1], outs[0] * outs[1]], data };
  };
}

const rows = (
  [
    [[2, 2, 4, 4], [3, 3], {}],
    [[1, 2, 5, 4], [2, 3], { padding: [1, 2], stride: [2, 1] }],
    [[2, 5, 6], [2, 2], { dilation: [2, 3], padding: 1 }],
  ] as [number[], [number, number], Options][]
).map(
  ([shape, kernel, options]): OpRow => ({
    name: `unfold of [${shape}] by [${kernel}] ${JSON.stringify(options)}`,
    run: (x) => unfold(x as Tensor, kernel, options),
    inputs: [{ shape }],
    reference: unfolded(kernel, options) as OpRow['reference'],
  }),
);

// The sum of the columns' elements that stand for each element of an image: the sources of `unfolded`.
function folded(size: [number, number], kernel: [number, number], o: Options): (x: Plain) => Plain {
  return (x) => {
    const channels = (x.shape.at(-2) as number) / (kernel[0] * kernel[1]);
    const batch = x.shape.slice(0, -2);
    const shape = [...batch, channels, ...size];
    const count = shape.reduce((a, b) => a * b, 1);
    // Element 0 stands for padding.
    const numbered = { shape, data: Array.from({ length: count }, (_, i) => i + 1) };
    const data = new Array(count + 1).fill(0);
    for (const [i, source] of unfolded(kernel, o)(numbered).data.entries()) data[source] += x.data[i];
    return { shape, data: data.slice(1) };
  };
}

const foldRows = (
  [
    [[2, 8, 9], [4, 4], [2, 2], {}],
    [[1, 6, 12], [6, 4], [3, 2], { padding: [1, 2], stride: [2, 2] }],
    [[4, 9], [5, 6], [2, 2], { dilation: [2, 3], stride: [1, 1], padding: 0 }],
    [[2, 0, 9], [4, 4], [2, 2], {}],
  ] as [number[], [number, number], [number, number], Options][]
).map(
  ([shape, size, kernel, options]): OpRow => ({
    name: `fold of [${shape}] to [${size}] by [${kernel}] ${JSON.stringify(options)}`,
    run: (x) => fold(x as Tensor, size, kernel, options),
    inputs: [{ shape }],
    reference: folded(size, kernel, options) as OpRow['reference'],
    gradient: !shape.includes(0),
  }),
);

const image = () => ones([1, 2, 4, 4]);

const errors: ErrorRow[] = [
  {
    name: 'fold shape',
    call: () => fold(ones([1, 4, 8]), 4, 2),
    error: ShapeError,
    message: 'fold: x must be [batch, channels · 4, 9] or [channels · 4, 9] for outputSize [4, 4], got x [1, 4, 8]',
  },
  {
    name: 'fold kernel',
    call: () => fold(ones([1, 4, 9]), 1, 2),
    error: ShapeError,
    message: 'fold: the kernel must fit into the padded input, got outputSize [1, 1] (height 2 > 1)',
  },
  {
    name: 'unfold kernel',
    call: () => unfold(image(), 5),
    error: ShapeError,
    message: 'unfold: the kernel must fit into the padded input, got x [1, 2, 4, 4] (height 5 > 4)',
  },
];

testFamily('unfold', { rows: [...rows, ...foldRows], errors });
