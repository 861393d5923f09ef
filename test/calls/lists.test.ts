import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';
import {
  cat,
  freeMemory,
  memoryStats,
  nn,
  ones,
  optim,
  ShapeError,
  scope,
  split,
  stack,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';

const many = 140_000; // JavaScript's stack holds some 120,000 arguments of one call

describe('lists longer than a call has arguments', { timeout: 120_000 }, () => {
  const list: Tensor[] = Array.from({ length: many }, (_, i) => tensor([i % 100], { requiresGrad: true }));
  const last = list.at(-1) as Tensor; // 99

  it('cat, stack and split, in a scope and through backward', () => {
    freeMemory();
    const before = memoryStats().tensors;
    const y = scope(() => cat(list));
    expect(Array.from(y.toTypedArray().slice(-3))).toEqual([97, 98, 99]);
    y.mul(y).sum().backward(); // 2x
    expect(last.grad?.item()).toBe(2 * 99);
    for (const t of list) t.grad = null;
    expect(scope(() => stack(list)).shape).toEqual([many, 1]);
    expect(scope(() => split(zeros([many]), 1)).length).toBe(many);
    y.dispose();
    freeMemory();
    expect(memoryStats().tensors - before).toBeLessThan(20);
  });

  it('clipping and all optimizers', () => {
    const gradient = ones([1]);
    for (const t of list) t.grad = gradient;
    expect(nn.utils.clipGradNorm_(list, 1000).item()).toBeCloseTo(Math.sqrt(many), 2);
    nn.utils.clipGradValue_(list, 0.5);
    expect(gradient.item()).toBe(0.5);
    const few = list.slice(-50_000); // each fills at least three lists of one call
    new optim.SGD(few, { lr: 1, momentum: 0.9 }).step(); // -0.5
    new optim.Adam(few, { lr: 1 }).step(); // -1, as the next two
    new optim.RMSprop(few, { lr: 1, alpha: 0 }).step();
    new optim.Adagrad(few, { lr: 1 }).step();
    expect(last.item()).toBeCloseTo(99 - 3.5, 4);
  });
});

it('shapes have at most 64 dimensions, as in PyTorch', () => {
  expect(zeros(new Array(64).fill(1)).size).toBe(1);
  for (const make of [() => zeros(new Array(many).fill(0)), () => zeros([1]).reshape(new Array(65).fill(1))]) {
    expect(make).toThrow(ShapeError);
    expect(make).toThrow(/^shape: at most 64 dimensions, got \d+$/);
  }
});

it('64 dimensions that do not merge are broadcast', () => {
  const sizes = Array.from({ length: 64 }, (_, i) => (i % 16 === 0 ? 2 : 0));
  expect(zeros(sizes).add(zeros(sizes.map((n) => Math.min(n, 1)))).shape).toEqual(sizes);
});

it('a tensor is printed with more elements than a call has arguments', () => {
  const x = zeros(new Array(11).fill(3)); // only dimensions longer than 6 are shortened
  expect(String(x).match(/0/g)).toHaveLength(3 ** 11);
});

// What is spread into calls in each file: lists that no caller makes long (one entry per operand, size or option of the
// operation), or what the caller has spread already.
const short: Record<string, readonly string[]> = {
  'backward/engine.js': ['stands'],
  'backward/gradcheck.js': ['all', 'inputs', 'xs'],
  'autograd/fused.js': ['list'],
  'backward/checkpoint.js': ['inputs', 'list', 'stands'],
  'backward/functional.js': ['xs'],
  'distributed/collectives.js': ['lengths'], // one for each process
  'distributed/state.js': ['all'], // one for each process
  'distributions/exponential-family.js': ['others', 'params'], // natural parameters
  'distributions/transforms-composed.js': ['all.map()'],
  'autograd/hooks.js': ['inputs'],
  'func/modules.js': ['inputs'],
  'func/per-sample.js': ['given', 'inputs.map()'],
  'func/transforms.js': ['inputs', 'withTree()'],
  'nn/data-parallel.js': ['inputs'],
  'io/onnx/export.js': ['filled'], // the arguments of a forward pass
  'io/onnx/operators-control.js': ['given'], // inputs of a node
  'io/onnx/operators-indexing.js': ['columns', 'columnsOf()'], // one for each dimension
  'io/onnx/operators-layers.js': ['xs'], // inputs of a node, whose number is limited
  'io/onnx/operators-resize.js': ['ratios', 'rest'],
  'io/onnx/run.js': ['inputs'],
  'models/adapter.js': ['settings'], // of LoRA.apply, which spreads nothing
  'nn/clone.js': ['toFill[i]'],
  'nn/containers-list.js': ['this._range()'],
  'nn/containers.js': ['layers', 'this._range()'],
  'nn/conv.js': ['extra'],
  'nn/hooks.js': ['inputs'],
  'nn/lazy.js': ['this._args'],
  'nn/location.js': ['inputs'],
  'nn/loss-modules.js': ['dtypeTraits.int32.range'],
  'models/tfjs.js': ['xs'], // the arguments of a forward pass
  'nn/loss.js': ['dtypeTraits.int32.range'],
  'nn/state.js': ['alike()'], // one text or none
  'nn/parametrize-list.js': ['this._originals()'],
  'nn/summary.js': ['tensors'],
  'ops/attention.js': ['numbers', 'operands()', 'outputs', 'random'],
  'ops/norm-batch.js': ['ins', 'outs', 'state'],
  'ops/unfold-dimension.js': ['order.splice()'],
  'ops/broadcast.js': ['dims', 'loopDims()'],
  'ops/loss-classes.js': ['handles', 'numbers', 'spans()'],
  'ops/loss.js': ['rest()', 'weights'],
  'ops/linalg-lu.js': ['LU.dims.slice()'],
  'ops/linalg-solve.js': ['flags'],
  'ops/linalg-triangular.js': ['flags'],
  'optim/strong-wolfe.js': ['bracket'],
  'optim/averaged-model.js': ['inputs'],
  'optim/shards.js': ['loads'], // one for each process
  'optim/zero-redundancy.js': ['options'],
  'ops/elementwise-compare.js': ['dims'],
  'ops/conv-passes.js': ['handles', 'numbersOf()'],
  'ops/copy.js': ['dtypeTraits.int32.range', 'loopDims()'],
  'ops/random-dropout.js': ['ranks'],
  'ops/elementwise.js': ['numbers'],
  'ops/embedding-bag.js': ['ins', 'numbersOf()'],
  'ops/reduce-extremes.js': ['sizes'],
  'ops/matmul.js': ['dims'],
  'ops/random-multinomial.js': ['ins'],
  'ops/norm.js': ['affine', 'ins', 'numbers', 'outs'],
  'ops/pool.js': ['numbersOf()'],
  'ops/pool-max.js': ['numbersOf()'],
  'ops/recurrent.js': ['handles()', 'operands()'],
  'ops/rotary.js': ['sizes'],
  'ops/shape.js': ['dims'],
  'ops/shape-combine.js': ['shape'],
  'ops/shape-parts.js': ['shape'],
  'ops/shape-slice.js': ['loopDims()'],
  'privacy/accountant.js': ['found'], // one for each order
  'program/trace.js': ['rebuild()'],
  'shape.js': ['shapes.map()'],
  'train/batch.js': ['input'],
  'train/losses.js': ['options'],
  'train/tensorboard-graph.js': ['given'],
};

describe('no call spreads a list that may be long', () => {
  interface SyntaxNode {
    type: string;
    start: number;
    end: number;
    argument?: SyntaxNode;
    arguments?: SyntaxNode[];
    elements?: SyntaxNode[];
    callee?: SyntaxNode & { object?: SyntaxNode; property?: { name?: string } };
  }

  /** What the calls in `source` spread: names, calls without their arguments. `f.apply(null, list)` does the same. */
  function spreads(source: string): string[] {
    const found = new Set<string>();
    const note = (node: SyntaxNode): void => {
      if (node.type === 'ArrayExpression') for (const part of node.elements ?? []) noteSpread(part);
      else if (node.type === 'CallExpression') found.add(`${source.slice(node.callee?.start, node.callee?.end)}()`);
      else found.add(source.slice(node.start, node.end));
    };
    const noteSpread = (node: SyntaxNode): void => {
      if (node.type === 'SpreadElement') note(node.argument as SyntaxNode);
    };
    const stack: unknown[] = [parseAst(source)];
    while (stack.length > 0) {
      const value = stack.pop();
      if (value === null || typeof value !== 'object') continue;
      for (const child of Object.values(value)) stack.push(child);
      const node = value as SyntaxNode;
      if (node.type !== 'CallExpression' && node.type !== 'NewExpression') continue;
      const given = node.arguments as SyntaxNode[];
      given.forEach(noteSpread);
      const isOwn = node.callee?.object?.type === 'ThisExpression'; // a method of that name
      if (!isOwn && node.callee?.property?.name === 'apply' && given.length > 1) note(given.at(-1) as SyntaxNode);
    }
    found.delete('args'); // a rest parameter that is passed on: a longer list overflows the stack in the caller's own call
    return [...found].sort();
  }

  it('finds every way to do it', () => {
    const source =
      'f(...a); new F(1, ...b()); g.push(...c.d); h.apply(null, e); Reflect.apply(h, null, [x, ...y]); [...z]';
    expect(spreads(source)).toEqual(['a', 'b()', 'c.d', 'e', 'y']);
  });

  it('in the library', () => {
    const folder = new URL('../../dist/', import.meta.url);
    const bundles = ['adjoint.js', 'cli.js', join('parts', 'echarts.js')]; // of modules that are here, or of others
    const found: Record<string, string[]> = {};
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const isModule = name.endsWith('.js') && !bundles.includes(name);
      const list = isModule ? spreads(readFileSync(new URL(name, folder), 'utf8')) : [];
      if (list.length > 0) found[name.replaceAll('\\', '/')] = list;
    }
    const message = 'a list that a caller may make long overflows the stack: use callWithLists (native.ts) or a loop';
    expect(found, message).toEqual(short);
  });
});
