import { ShapeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { type UnfoldOptions, unfold } from '../../lib/ops/unfold.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';

const at = (value: number | readonly number[] | undefined, i: number, fallback: number): number =>
  Array.isArray(value) ? value[i] : ((value as number | undefined) ?? fallback);

function unfolded(kernel: [number, number], o: UnfoldOptions): (x: Plain) => Plain {
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
  ] as [number[], [number, number], UnfoldOptions][]
).map(
  ([shape, kernel, options]): OpRow => ({
    name: `unfold of [${shape}] by [${kernel}] ${JSON.stringify(options)}`,
    run: (x) => unfold(x as Tensor, kernel, options),
    method: (x) => (x as Tensor).unfold(kernel, options),
    inputs: [{ shape }],
    reference: unfolded(kernel, options) as OpRow['reference'],
  }),
);

const image = () => ones([1, 2, 4, 4]);

const errors: ErrorRow[] = [
  {
    name: 'unfold kernel',
    call: () => unfold(image(), 5),
    error: ShapeError,
    message: 'unfold: the kernel must fit into the padded input, got x [1, 2, 4, 4] (height 5 > 4)',
  },
];

testFamily('unfold', { rows, errors });
