// Random programs, eager against compiled: results, captured tensors and the generator equal in every bit.
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { compile, Generator, getNumThreads, setNumThreads, type Tensor, tensor } from '../../lib/index.js';
import { expectBits } from '../support/compiled.js';
import { type Graph, graphs, runGradients, runGraph, type World } from '../support/graphs.js';

const threads = getNumThreads();
afterEach(() => setNumThreads(threads));

const numbers = Float32Array.from({ length: 65_537 }, (_, i) => ((i * 7919) % 1999) / 500 - 2);

function made(graph: Graph, rows: number, start: number): Tensor {
  const size = rows * graph.columns;
  return tensor(numbers.slice(start, start + size), { shape: [rows, graph.columns] });
}

function makeWorld(graph: Graph): World {
  const captured = [1, 2].map((i) => made(graph, graph.rows, i * 100));
  return { inputs: argumentsOf(graph, 0), captured, generator: new Generator(11) };
}

function argumentsOf(graph: Graph, call: number): Tensor[] {
  return [made(graph, graph.rows, call * 31), made(graph, 1, call * 17 + 5)];
}

type Run = (graph: Graph, world: World) => Tensor[];

async function compare(run: Run, graph: Graph, requiresGrad: boolean): Promise<void> {
  const [eager, compiled] = [makeWorld(graph), makeWorld(graph)];
  for (const t of [...eager.captured, ...compiled.captured]) t.requiresGrad = requiresGrad;
  const step = compile((inputs: Tensor[]) => run(graph, { ...compiled, inputs }));
  for (let call = 0; call < 4; call++) {
    const want = run(graph, { ...eager, inputs: argumentsOf(graph, call) });
    const given = argumentsOf(graph, call);
    const got = call % 2 === 0 ? await step(given) : step.sync(given);
    got.forEach((t, i) => {
      expectBits(t, want[i] as Tensor, `call ${call}, result ${i}`);
    });
  }
  compiled.captured.forEach((t, i) => {
    expectBits(t, eager.captured[i] as Tensor, `captured ${i}`);
  });
  expect(compiled.generator.getState()).toEqual(eager.generator.getState());
  step.dispose();
}

const small = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }));
// Products of rows · rows · columns stay affordable.
const large = fc.constantFrom<[number, number]>([201, 200], [3, 13_669], [40, 1024]);

const property = (run: Run, shape: fc.Arbitrary<[number, number]>, most: number, gradients: boolean) =>
  fc.asyncProperty(graphs(shape, most, !gradients), (graph) => compare(run, graph, gradients));

it('small programs', async () => {
  await fc.assert(property(runGraph, small, 25, false), { numRuns: 400, seed: 1 });
});

it('small programs with gradients', async () => {
  await fc.assert(property(runGradients, small, 15, true), { numRuns: 200, seed: 2 });
});

it.each([1, 2])('programs whose chains fuse, %i threads', async (count) => {
  setNumThreads(count);
  await fc.assert(property(runGraph, large, 16, false), { numRuns: 40, seed: 3 });
});

it('programs whose chains fuse, with gradients', async () => {
  await fc.assert(property(runGradients, large, 8, true), { numRuns: 20, seed: 4 });
});

it('finds a difference', async () => {
  let calls = 0;
  const wrong: Run = (graph, world) => runGraph(graph, world).map((t) => (t.size > 4 ? t.add(calls++ * 1e-3) : t));
  await expect(fc.assert(property(wrong, small, 25, false), { numRuns: 50, seed: 5 })).rejects.toThrow(
    /Property failed/,
  );
});

// An operand may be overwritten, tile by tile, only when no other operation of the chain reads it out of step.
it.each(['row', 'column', 'whole transposed'])('a chain that reads its operand twice, once as a %s', async (how) => {
  const program = (x: Tensor): Tensor[] => {
    const k = x.add(x.sum({ dim: 1, keepDim: true }));
    const other = how === 'row' ? k.slice({ end: 1 }) : how === 'column' ? k.mean({ dim: 1, keepDim: true }) : k;
    const flat = how === 'whole transposed' ? other.transpose(0, 1) : other;
    return [k.add(flat), k.mul(0.001).exp()];
  };
  const x = tensor(numbers.slice(0, 210 * 210), { shape: [210, 210] });
  const step = compile(program);
  for (let call = 0; call < 3; call++) {
    const got = call % 2 === 0 ? step.sync(x) : await step(x);
    const want = program(x);
    got.forEach((t, i) => {
      expectBits(t, want[i] as Tensor, `${how}, call ${call}, result ${i}`);
    });
  }
  expect(step.describe()).toMatch(/add \+ /);
});
