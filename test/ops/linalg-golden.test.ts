// The functions of `linalg` and their gradients against PyTorch: test/golden/make_linalg.py says what a case holds.
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import type { DType } from '../../lib/dtype.js';
import * as adjoint from '../../lib/index.js';
import { eye, tensor } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';
import { fromGolden, type Golden, readGolden } from '../support/golden.js';
import { readPage } from '../support/pages.js';

const { linalg } = adjoint;

interface Case {
  name: string;
  inputs: Golden[];
  args: unknown[];
  fields: string[] | null;
  signless: string[];
  prepare: 'spd' | 'symmetric' | 'lower' | 'upper' | 'wide' | null;
  outputs: Golden[];
  gradients: Golden[];
}
const { cases } = readGolden<{ cases: Case[] }>('linalg');

const prepare = {
  spd: (x: Tensor) => x.matmul(x.transpose(-2, -1)).add(eye(x.shape.at(-1) as number, undefined, { dtype: x.dtype })),
  symmetric: (x: Tensor) => x.add(x.transpose(-2, -1)),
  lower: (x: Tensor) => x.tril(),
  upper: (x: Tensor) => x.triu(),
  wide: (x: Tensor) => x.add(eye(x.shape.at(-1) as number, undefined, { dtype: x.dtype }).mul(3)),
};

const limits: Partial<Record<DType, number>> = { float64: 1e-10, float32: 1e-4 };

/** Compares a tensor with PyTorch's, relative to its largest element. */
function expectNear(what: string, got: Tensor, want: Golden): void {
  expect([what, ...got.shape]).toEqual([what, ...want.shape]);
  expect(got.dtype === 'int32').toBe(want.dtype === 'int32');
  const values = want.data.map(Number);
  const most = values.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
  got.toTypedArray().forEach((g, i) => {
    const w = values[i] as number;
    if (Object.is(g, w) || g === w || Math.abs(g - w) <= (limits[got.dtype] ?? 0) * most) return;
    throw new Error(`${what}: element ${i} is ${g}, PyTorch's ${w}`);
  });
}

const weights = (y: Tensor): Tensor =>
  tensor(
    Float64Array.from({ length: y.size }, (_, i) => Math.cos(i + 1)),
    { dtype: y.dtype, shape: y.shape },
  );

function resultsOf({ name, args, fields, signless, prepare: how }: Case, inputs: Tensor[]): Tensor[] {
  const [first, ...rest] = inputs as [Tensor, ...Tensor[]];
  const given = [how === null ? first : prepare[how](first), ...rest];
  const run = ({ ...adjoint, ...linalg } as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!;
  const infinite = args.map((arg) => (arg === 'Infinity' || arg === '-Infinity' ? Number(arg) : arg));
  if (name === 'multiDot') given.splice(0, given.length, given.slice() as unknown as Tensor);
  if (name === 'choleskySolve') given.reverse();
  if (name === 'ldlSolve') given.splice(0, 1, ...Object.values(linalg.ldlFactor(given[0] as Tensor)));
  if (name === 'luSolve' || name === 'luUnpack')
    given.splice(0, 1, ...Object.values(linalg.luFactor(given[0] as Tensor)));
  const y = run(...given, ...infinite);
  const list = fields === null ? [y as Tensor] : fields.map((field) => (y as Record<string, Tensor>)[field]!);
  return list.map((t, i) => (signless.includes(fields?.[i] ?? '') ? t.abs() : t));
}

describe.each(cases.map((c, i) => [`${i} ${c.name} ${JSON.stringify(c.args)}`, c] as const))('%s', (_, c) => {
  it.each(['float64', 'float32'] as const)('agrees with PyTorch in %s', (dtype) => {
    const wanted = c.gradients.length > 0;
    const inputs = c.inputs.map((x) => fromGolden({ ...x, dtype }, { requiresGrad: wanted }));
    const outputs = resultsOf(c, inputs);
    for (const [i, y] of outputs.entries()) expectNear(c.fields?.[i] ?? 'y', y, c.outputs[i]!);
    if (!wanted) return;
    const floats = outputs.filter((y) => y.requiresGrad);
    const gradients = grad(floats, inputs, { gradOutputs: floats.map(weights) });
    for (const [i, g] of gradients.entries()) expectNear(`gradient ${i}`, g as Tensor, c.gradients[i]!);
  });
});

it('every function with a value from PyTorch is compared', () => {
  const compared = new Set(cases.map((c) => c.name));
  expect(Object.keys(linalg).filter((name) => !compared.has(name))).toEqual(['LinAlgError', 'matmul']);
});

it('docs/linalg.md lists every function, and no other', () => {
  const table = readPage('docs/linalg.md').match(/^\| .+ \|$/gm) as string[];
  const listed = table.slice(1).flatMap((line) => [...line.matchAll(/`(\w+)`/g)].map((match) => match[1]));
  expect(listed.sort()).toEqual(
    Object.keys(linalg)
      .filter((name) => name !== 'LinAlgError')
      .sort(),
  );
});
