import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import { sizeOf } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { generate } from './creation.js';
import { indexSelect } from './indexing.js';
import { matmul } from './matmul.js';
import { sum } from './reduce.js';
import { expand, permute, reshape } from './shape.js';

/** A tensor whose dimensions have names: letters, and numbers for those under an ellipsis, counted from the end. */
interface Named {
  t: Tensor;
  names: string[];
}

function wrong(equation: string, rule: string): ArgumentError {
  return new ArgumentError(`einsum: ${rule}, got ${describe(equation)}`);
}

// `ij...` of a tensor of rank 4 is i, j, 1, 0.
function namesOf(equation: string, term: string, dots: number): string[] {
  const [before, after, more] = term.split('...');
  if (more !== undefined || !/^[a-zA-Z]*$/.test((before as string) + (after ?? ''))) {
    throw wrong(equation, 'terms must be letters and at most one ellipsis each');
  }
  if (after === undefined) return [...(before as string)];
  const middle = Array.from({ length: dots }, (_, i) => String(dots - 1 - i));
  return [...(before as string), ...middle, ...after];
}

function named(equation: string, term: string, t: Tensor, position: number): Named {
  const letters = term.replace('...', '').length;
  const dots = term.includes('...') ? t.rank - letters : 0;
  const names = dots < 0 ? [] : namesOf(equation, term, dots);
  if (names.length !== t.rank) {
    throw new ShapeError(
      `einsum: term ${describe(term)} must name the dimensions of operand ${position}, got ${formatShape(t.dims)}`,
    );
  }
  return { t, names };
}

function parse(equation: string, operands: readonly Tensor[]): { inputs: Named[]; output: string[] } {
  if (typeof equation !== 'string') throw wrong(equation, 'equation must be a string such as "ij,jk->ik"');
  const [left, right, more] = equation.replaceAll(' ', '').split('->');
  const terms = (left as string).split(',');
  if (more !== undefined) throw wrong(equation, 'there must be at most one arrow');
  if (terms.length !== operands.length)
    throw wrong(equation, `there must be one term for each of ${operands.length} operands`);
  const inputs = operands.map((t, i) => named(equation, terms[i] as string, t, i));
  const all = inputs.flatMap((x) => x.names);
  const dots = all.filter((name) => /\d/.test(name)).reduce((max, name) => Math.max(max, Number(name) + 1), 0);
  if (right !== undefined) {
    const output = namesOf(equation, right, dots);
    if (new Set(output).size !== output.length) throw wrong(equation, 'the result must name each dimension once');
    const unknown = output.find((name) => !all.includes(name));
    if (unknown !== undefined)
      throw wrong(equation, `the result must consist of the operands' dimensions (not ${unknown})`);
    return { inputs, output };
  }
  const once = [...new Set(all)].filter((name) => /\D/.test(name) && all.indexOf(name) === all.lastIndexOf(name));
  return { inputs, output: [...namesOf(equation, '...', dots), ...once.sort()] };
}

// The sizes of all names; a size of 1 stretches.
function sizesOf(inputs: readonly Named[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { t, names } of inputs) {
    names.forEach((name, i) => {
      const [n, before] = [t.dims[i] as number, sizes.get(name) ?? 1];
      if (n !== 1 && before !== 1 && n !== before) {
        const where = /\d/.test(name) ? 'under the ellipsis' : `of ${name}`;
        throw new ShapeError(`einsum: sizes ${where} must match, got ${before} and ${n}`);
      }
      sizes.set(name, n === 1 ? before : n);
    });
  }
  return sizes;
}

function reorder(t: Tensor, order: readonly number[]): Tensor {
  return order.every((d, i) => d === i) ? t : permute(t, order);
}

// The diagonal of two dimensions of one name, until each name is there once.
function withoutRepeats({ t, names }: Named): Named {
  const second = names.findIndex((name, i) => names.indexOf(name) < i);
  if (second < 0) return { t, names };
  const first = names.indexOf(names[second] as string);
  const others = names.map((_, i) => i).filter((i) => i !== first && i !== second);
  const n = t.dims[first] as number;
  if (n !== t.dims[second]) {
    throw new ShapeError(`einsum: sizes of ${names[first]} must match, got ${n} and ${t.dims[second]}`);
  }
  const shape = others.map((i) => t.dims[i] as number);
  const square = reshape(reorder(t, [...others, first, second]), [...shape, n * n]);
  const index = generate([n], 'int32', (i) => i * (n + 1));
  const diagonal = indexSelect(square, others.length, index);
  return withoutRepeats({ t: diagonal, names: [...others.map((i) => names[i] as string), names[first] as string] });
}

// Sums over dimensions that nothing else needs, and stretches sizes of 1.
function prepare(x: Named, needed: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): Named {
  let { t, names } = withoutRepeats(x);
  const size = (name: string): number => sizes.get(name) as number;
  const useless = names.map((_, i) => i).filter((i) => !needed.has(names[i] as string));
  if (useless.length > 0) {
    t = sum(t, { dim: useless });
    names = names.filter((name) => needed.has(name));
  }
  const shape = names.map(size);
  if (shape.some((n, i) => n !== t.dims[i])) t = expand(t, shape);
  return { t, names };
}

// One product of matrices [shared, own, summed] and [shared, summed, own].
function contract(a: Named, b: Named, needed: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): Named {
  const common = a.names.filter((name) => b.names.includes(name));
  const shared = common.filter((name) => needed.has(name));
  const summed = common.filter((name) => !needed.has(name));
  const ownA = a.names.filter((name) => !common.includes(name));
  const ownB = b.names.filter((name) => !common.includes(name));
  const count = (names: readonly string[]): number => sizeOf(names.map((name) => sizes.get(name) as number));
  const isOrdered = (x: Named, ...groups: string[][]): boolean => groups.flat().every((name, i) => name === x.names[i]);
  const matrices = (x: Named, ...groups: string[][]): Tensor => {
    const order = groups.flat().map((name) => x.names.indexOf(name));
    return reshape(reorder(x.t, order), groups.map(count));
  };
  // matmul reads a transposed operand at no cost, which may save a copy.
  const transposeA = !isOrdered(a, shared, ownA, summed) && isOrdered(a, shared, summed, ownA);
  const transposeB = !isOrdered(b, shared, summed, ownB) && isOrdered(b, shared, ownB, summed);
  const left = transposeA ? matrices(a, shared, summed, ownA) : matrices(a, shared, ownA, summed);
  const right = transposeB ? matrices(b, shared, ownB, summed) : matrices(b, shared, summed, ownB);
  const y = matmul(left, right, { transposeA, transposeB });
  const names = [...shared, ...ownA, ...ownB];
  return {
    t: reshape(
      y,
      names.map((name) => sizes.get(name) as number),
    ),
    names,
  };
}

/**
 * Einstein summation: products of the operands' elements, summed over every letter that the result does not name, computed by
 * matrix products from left to right.
 *
 * `ij,jk->ik` is matmul, `bij,bjk->bik` a batch of them, `i,i->` the dot product, `i,j->ij` the outer one, `ij->ji` transposes,
 * `ij->i` sums, `ii->i` takes the diagonal, `...ij,...jk->...ik` leaves other dimensions to broadcast. Without an arrow, the
 * result has the ellipsis and then all letters that appear once, in the order of the alphabet.
 *
 * @param operands float tensors of one dtype
 * @throws ArgumentError when the equation is malformed; ShapeError when the operands do not fit it
 * @example
 * const y = einsum('ij,kj->ik', tensor([[1, 2], [3, 4]]), tensor([[1, 1]])); // [[3], [7]]
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  if (operands.length === 0) throw new ArgumentError('einsum: there must be at least one operand');
  operands.forEach((t, i) => {
    checkTensor('einsum', `operand ${i}`, t);
    checkFloat('einsum', `operand ${i}`, t);
  });
  checkSameDType(
    'einsum',
    operands.map((_, i) => `operand ${i}`),
    operands,
  );
  const { inputs, output } = parse(equation, operands);
  const sizes = sizesOf(inputs.map((x) => x));
  const neededAfter = (i: number): Set<string> => new Set([...output, ...inputs.slice(i + 1).flatMap((x) => x.names)]);
  let y = prepare(inputs[0] as Named, neededAfter(0), sizes);
  for (let i = 1; i < inputs.length; i++) {
    const needed = neededAfter(i);
    const next = prepare(inputs[i] as Named, new Set([...needed, ...y.names]), sizes);
    y = contract(y, next, needed, sizes);
  }
  return reorder(
    y.t,
    output.map((name) => y.names.indexOf(name)),
  );
}
