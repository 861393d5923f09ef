import { ShapeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { type RotaryOptions, rotaryEmbedding } from '../../lib/ops/rotary.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';

function reference({ offset = 0, heads = 1, base = 10_000, interleaved = false }: RotaryOptions): (x: Plain) => Plain {
  return (x) => {
    const full = x.shape.at(-1) as number;
    const [rows, width] = [x.shape.at(-2) as number, full / heads];
    const data = x.data.map((v, at) => {
      const [row, feature] = [Math.floor(at / full) % rows, (at % full) % width];
      const pair = interleaved ? Math.floor(feature / 2) : feature % (width / 2);
      const isFirst = interleaved ? feature % 2 === 0 : feature < width / 2;
      const distance = interleaved ? 1 : width / 2;
      const angle = (offset + row) * base ** ((-2 * pair) / width);
      const other = x.data[isFirst ? at + distance : at - distance] as number;
      return isFirst ? v * Math.cos(angle) - other * Math.sin(angle) : v * Math.cos(angle) + other * Math.sin(angle);
    });
    return { shape: x.shape, data, magnitude: data.map(() => 4) };
  };
}

const cases: [number[], RotaryOptions][] = [
  [[2, 3, 4, 6], {}],
  [[3, 4], { interleaved: true }],
  [[2, 3, 12], { heads: 3, offset: 7 }],
  [[2, 3, 12], { heads: 2, interleaved: true, base: 100 }],
  [[1, 300, 34], { offset: 200 }],
  [[2, 0, 4], {}],
  [[2, 3, 0], {}],
];

const rows: OpRow[] = cases.map(([shape, options]) => ({
  name: `rotaryEmbedding of [${shape}] ${JSON.stringify(options)}`,
  run: (x) => rotaryEmbedding(x as Tensor, options),
  inputs: [{ shape }],
  reference: reference(options) as OpRow['reference'],
  gradient: shape[1] !== 300 && !shape.includes(0),
}));

const errors: ErrorRow[] = [
  {
    name: 'odd width',
    call: () => rotaryEmbedding(ones([2, 3])),
    error: ShapeError,
    message: 'rotaryEmbedding: x must be […, rows, width], width even, got x [2, 3]',
  },
  {
    name: 'heads',
    call: () => rotaryEmbedding(ones([2, 6]), { heads: 2 }),
    error: ShapeError,
    message: 'rotaryEmbedding: x must be […, rows, 2 · width], width even, got x [2, 6]',
  },
];

testFamily('rotary', { rows, errors });
