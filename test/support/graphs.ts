// Random programs of tensor operations, for the comparison of compiled with eager execution. A program is a list of
// instructions over a growing list of values, which all broadcast against [rows, columns].
import fc from 'fast-check';
import {
  cat,
  dropout,
  type Generator,
  grad,
  gt,
  maximum,
  noGrad,
  ones,
  randn,
  softmax,
  type Tensor,
  tensor,
  where,
} from '../../lib/index.js';
import { baseOf } from '../../lib/tensor.js';

export interface Instruction {
  kind: Kind;
  a: number;
  b: number;
  k: number;
}

export interface Graph {
  rows: number;
  columns: number;
  instructions: Instruction[];
  outputs: number[];
}

/** What a program is run on. */
export interface World {
  inputs: Tensor[];
  captured: Tensor[];
  generator: Generator;
}

interface Machine {
  graph: Graph;
  world: World;
  values: Tensor[];
}

const pick = <T>(list: readonly T[], k: number): T => list[k % list.length] as T;
const whole = ({ rows, columns }: Graph, t: Tensor): Tensor => t.expand([rows, columns]);

function dims(t: Tensor, k: number): { dim: number; keepDim: true } | null {
  return t.rank === 0 ? null : { dim: k % t.rank, keepDim: true };
}

type Operation = (m: Machine, a: Tensor, b: Tensor, k: number) => Tensor;

/** `t`, or a copy where its memory is an argument's, which a step must not change. */
function own({ world }: Machine, t: Tensor): Tensor {
  return world.inputs.some((x) => baseOf(x) === baseOf(t)) ? t.clone() : t;
}

const unary = ['relu', 'tanh', 'sigmoid', 'neg', 'abs', 'gelu', 'floor', 'square'] as const;
const binary = ['add', 'sub', 'mul', 'maximum', 'div'] as const;

const functional = {
  input: ({ world }, _a, _b, k) => pick(world.inputs, k),
  captured: ({ world }, _a, _b, k) => pick(world.captured, k),
  unary: (_, t, _b, k) => t[pick(unary, k)](),
  exp: (_, t) => t.clamp({ min: -3, max: 3 }).exp(),
  binary: (_, a, b, k) => a[pick(binary, k)](b),
  number: (_, t, _b, k) => (k % 2 === 0 ? t.mul(k / 7) : t.add(k)),
  where: (_, a, b) => where(gt(a, b), a, maximum(b, a.mul(0.5))),
  sum: (_, t, _b, k) => (k % 3 === 2 ? t.sum() : t.sum(dims(t, k) ?? {})),
  mean: (_, t, _b, k) => t.mean(dims(t, k) ?? {}),
  largest: ({ graph }, t, _b, k) => whole(graph, t).max({ dim: k % 2, keepDim: true }).values,
  softmax: ({ graph }, t, _b, k) => softmax(whole(graph, t), { dim: k % 2 }),
  cumsum: ({ graph }, t, _b, k) => whole(graph, t).cumsum({ dim: k % 2 }),
  product: ({ graph }, a, b) => whole(graph, a).matmul(whole(graph, b).transpose(0, 1)).mean({ dim: 1, keepDim: true }),
  reshape: (_, t) => t.reshape([t.size]).reshape(t.shape),
  transpose: ({ graph }, t) => whole(graph, t).transpose(0, 1).reshape([graph.rows, graph.columns]),
  row: ({ graph }, t, _b, k) => {
    if (t.rank !== 2 || t.shape[0] !== graph.rows) return t;
    const start = k % graph.rows;
    return t.slice({ start, end: start + 1 });
  },
  column: ({ graph }, t, _b, k) => {
    const start = k % graph.columns;
    return whole(graph, t).slice({ dim: 1, start, end: start + 1 });
  },
  concat: ({ graph }, a, b, k) => {
    const middle = k % (graph.rows + 1);
    return cat([whole(graph, a).slice({ end: middle }), whole(graph, b).slice({ start: middle })]);
  },
  pad: ({ graph }, t, _b, k) => {
    const n = k % graph.rows;
    return whole(graph, t).slice({ start: n }).pad([0, 0, n, 0]);
  },
  cast: (_, t, _b, k) =>
    t
      .clamp({ min: -9, max: 9 })
      .to(pick(['float64', 'int32', 'uint8'] as const, k))
      .to('float32'),
  detach: (_, t) => t.detach(),
  constant: ({ graph }, _a, _b, k) => tensor(Array.from({ length: graph.columns }, (_, i) => ((i * k) % 11) - 5)),
  zerosThenOnes: ({ graph }, _a, _b, k) => ones([graph.rows, 1]).mul(k),
  random: ({ graph, world }, _a, _b, k) =>
    randn([k % 2 ? 1 : graph.rows, graph.columns], { generator: world.generator }),
  dropout: ({ graph, world }, t) => dropout(whole(graph, t), { p: 0.4, generator: world.generator }),
} satisfies Record<string, Operation>;

// These change memory that other values may see.
const inPlace = {
  change: (m, a, b, k) => {
    const t = own(m, a);
    const fits = b.rank <= t.rank && b.shape.every((n, i) => n === 1 || n === t.shape[i + t.rank - b.rank]);
    return k % 3 === 2 || !fits ? t.fill_(k / 3) : t.add_(b, { alpha: 0.5 });
  },
  changeRow: (m, a, _b, k) => {
    const t = own(m, whole(m.graph, a));
    const start = k % (t.shape[0] as number);
    const row = t.slice({ start, end: start + 1 });
    if (k % 2 === 0) row.fill_(k + 1);
    else row.add_(k + 1);
    return t;
  },
  store: ({ graph, world }, t, _b, k) => pick(world.captured, k).copy_(whole(graph, t).tanh()),
  write: ({ world, graph }, _a, _b, k) =>
    pick(world.captured, k).copy_(new Float32Array(graph.rows * graph.columns).fill(k / 4)),
  accumulate: ({ world }, t, _b, k) => pick(world.captured, k).add_(t, { alpha: 0.25 }),
} satisfies Record<string, Operation>;

export type Kind = keyof typeof functional | keyof typeof inPlace;
const operations: Record<Kind, Operation> = { ...functional, ...inPlace };

function evaluate(graph: Graph, world: World): Tensor[] {
  const m: Machine = { graph, world, values: [...world.inputs] };
  for (const { kind, a, b, k } of graph.instructions) {
    m.values.push(operations[kind](m, pick(m.values, a), pick(m.values, b), k));
  }
  return m.values;
}

/** Runs a program; what it returns may be arguments, captured tensors, views, and the same tensor twice. */
export function runGraph(graph: Graph, world: World): Tensor[] {
  const values = noGrad(() => evaluate(graph, world));
  // The newest values depend on most of the others.
  return graph.outputs.map((i) => values[values.length - 1 - (i % values.length)] as Tensor);
}

/** Runs a program without changes in place and differentiates it. */
export function runGradients(graph: Graph, world: World): Tensor[] {
  const values = evaluate(graph, world);
  const loss = graph.outputs
    .map((i) => (values[values.length - 1 - (i % values.length)] as Tensor).tanh().sum())
    .reduce((x, y) => x.add(y));
  const wanted = world.captured.filter((t) => t.requiresGrad);
  if (!loss.requiresGrad) return [loss];
  const gradients = grad([loss], wanted, { allowUnused: true }).filter((g) => g !== null);
  return [loss, ...gradients];
}

const number = fc.nat({ max: 20 });

export function graphs(shape: fc.Arbitrary<[number, number]>, most: number, changes: boolean): fc.Arbitrary<Graph> {
  const kinds = Object.keys(changes ? operations : functional) as Kind[];
  const kind = fc.constantFrom(...kinds);
  const instruction = fc.record({ kind, a: number, b: number, k: number });
  return fc
    .record({
      shape,
      instructions: fc.array(instruction, { minLength: 1, maxLength: most }),
      outputs: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 4 }),
    })
    .map(({ shape: [rows, columns], ...rest }) => ({ rows, columns, ...rest }));
}
