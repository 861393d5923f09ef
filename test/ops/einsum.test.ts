import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { einsum } from '../../lib/ops/einsum.js';
import { sizeOf } from '../../lib/shape.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';

// The sum over all indices of all names: `terms` and `output` without ellipses.
function reference(terms: string[], output: string): (...operands: Plain[]) => Plain {
  return (...operands) => {
    const sizes = new Map<string, number>();
    operands.forEach((p, i) => {
      [...(terms[i] as string)].forEach((name, d) => {
        const n = p.shape[d] as number;
        if (n !== 1 || !sizes.has(name)) sizes.set(name, n);
      });
    });
    const names = [...output, ...[...sizes.keys()].filter((name) => !output.includes(name))];
    const shape = [...output].map((name) => sizes.get(name) as number);
    const data = new Array<number>(sizeOf(shape)).fill(0);
    const magnitude = data.slice();
    const all = names.map((name) => sizes.get(name) as number);
    for (let flat = 0; flat < sizeOf(all); flat++) {
      const index = new Map(
        names.map((name, d) => [name, Math.floor(flat / sizeOf(all.slice(d + 1))) % (all[d] as number)]),
      );
      const product = operands.reduce((value, p, i) => {
        const offset = [...(terms[i] as string)].reduce((at, name, d) => {
          const n = p.shape[d] as number;
          return at * n + (n === 1 ? 0 : (index.get(name) as number));
        }, 0);
        return value * (p.data[offset] as number);
      }, 1);
      const to = [...output].reduce((at, name) => at * (sizes.get(name) as number) + (index.get(name) as number), 0);
      data[to] = (data[to] as number) + product;
      magnitude[to] = (magnitude[to] as number) + Math.abs(product);
    }
    return { shape, data, magnitude };
  };
}

// The equation, the shapes, and the equation without ellipses where it has some.
// biome-ignore format: one line a case
const cases: [string, number[][], string?][] = [
  ['ij,jk->ik', [[2, 3], [3, 4]]],
  ['ij,kj->ik', [[2, 3], [4, 3]]],
  ['ji,jk->ki', [[3, 2], [3, 4]]],
  ['ij,jk', [[2, 3], [3, 4]], 'ij,jk->ik'],
  ['ba', [[2, 3]], 'ba->ab'],
  ['bij,bjk->bik', [[2, 3, 4], [2, 4, 2]]],
  ['bhid,bhjd->bhij', [[2, 2, 3, 4], [2, 2, 5, 4]]],
  ['i,i->', [[4], [4]]],
  ['i,i', [[4], [4]], 'i,i->'],
  ['i,j->ij', [[2], [3]]],
  ['ij->ji', [[2, 3]]],
  ['ij->i', [[2, 3]]],
  ['ij->', [[2, 3]]],
  ['ij,ij->ij', [[2, 3], [2, 3]]],
  ['ij,j->ij', [[2, 3], [3]]],
  ['ii->i', [[3, 3]]],
  ['ii', [[3, 3]], 'ii->'],
  ['iij,j->i', [[2, 2, 3], [3]]],
  ['ij,jk,kl->il', [[2, 3], [3, 2], [2, 4]]],
  ['a,b,c->cba', [[2], [3], [2]]],
  ['ij,jk->k', [[2, 3], [3, 4]]],
  [' i j , j k -> i k ', [[2, 3], [3, 1]], 'ij,jk->ik'],
  ['...ij,...jk->...ik', [[2, 3, 4], [2, 4, 2]], 'zij,zjk->zik'],
  ['...ij,jk->...ik', [[2, 3, 4], [4, 2]], 'zij,jk->zik'],
  ['...i,...i', [[2, 1, 3], [4, 3]], 'xyi,yi->xy'],
  ['i...->...', [[3, 2]], 'iz->z'],
  ['ij,jk->ik', [[2, 1], [3, 4]]],
  ['ij,jk->ik', [[0, 3], [3, 4]]],
];

const rows: OpRow[] = cases.map(([equation, shapes, plain]) => {
  const [left, output] = (plain ?? equation).split('->') as [string, string];
  return {
    name: `einsum ${equation} of ${shapes.map((s) => `[${s}]`).join(' ')}`,
    run: (...operands) => einsum(equation, ...operands),
    inputs: shapes.map((shape) => ({ shape })),
    reference: reference(left.split(','), output),
    gradient: !shapes.flat().includes(0),
  };
});

const errors: ErrorRow[] = [
  {
    name: 'einsum operands',
    call: () => einsum('ij,jk->ik', ones([2, 3])),
    error: ArgumentError,
    message: 'einsum: there must be one term for each of 1 operands, got "ij,jk->ik"',
  },
  {
    name: 'einsum rank',
    call: () => einsum('ij->i', ones([2])),
    error: ShapeError,
    message: 'einsum: term "ij" must name the dimensions of operand 0, got [2]',
  },
  {
    name: 'einsum sizes',
    call: () => einsum('ij,jk->ik', ones([2, 3]), ones([4, 2])),
    error: ShapeError,
    message: 'einsum: sizes of j must match, got 3 and 4',
  },
  {
    name: 'einsum unknown',
    call: () => einsum('ij->ik', ones([2, 3])),
    error: ArgumentError,
    message: 'einsum: the result must consist of the operands\' dimensions (not k), got "ij->ik"',
  },
  {
    name: 'einsum twice',
    call: () => einsum('ij->ii', ones([2, 3])),
    error: ArgumentError,
    message: 'einsum: the result must name each dimension once, got "ij->ii"',
  },
  {
    name: 'einsum characters',
    call: () => einsum('i?->i', ones([2, 3])),
    error: ArgumentError,
    message: 'einsum: terms must be letters and at most one ellipsis each, got "i?->i"',
  },
  {
    name: 'einsum diagonal',
    call: () => einsum('ii', ones([2, 3])),
    error: ShapeError,
    message: 'einsum: sizes of i must match, got 2 and 3',
  },
  {
    name: 'einsum integers',
    call: () => einsum('i->', ones([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "einsum: operand 0 must be float32 or float64, got int32; convert it by operand 0.to('float32')",
  },
];

testFamily('einsum', { rows, errors });
