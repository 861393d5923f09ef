// The FLOPs of the large kernels in step.describe(), against counts by hand.
import { expect, it } from 'vitest';
import {
  compile,
  grad,
  linalg,
  nn,
  ones,
  randn,
  scaledDotProductAttention,
  sum,
  type Tensor,
} from '../../lib/index.js';

/** The FLOPs of each kernel of a step that computes `f` and its gradients with respect to all inputs. */
function flopsOf(f: (...inputs: Tensor[]) => Tensor, inputs: Tensor[]): Record<string, string> {
  for (const x of inputs) x.requiresGrad = true;
  const step = compile(() => grad(sum(f(...inputs)), inputs));
  step.sync();
  const lines = step.describe().split('\n').slice(4);
  return Object.fromEntries(
    lines.map((line) => {
      const cells = line.split(/ {2,}/);
      return [cells[0] as string, cells.at(-1) as string];
    }),
  );
}

it('convolutions: each pass multiplies each tap with each output', () => {
  const f = (x: Tensor, w: Tensor) => nn.functional.relu(x.conv2d(w, null, { stride: 2, padding: 1, groups: 2 }));
  const found = flopsOf(f, [randn([2, 4, 8, 10]), randn([6, 2, 3, 3])]);
  // 2 · images · channels · outputs · taps of its group: 2 · 2 · 6 · (4 · 5) · (2 · 9)
  expect(found).toMatchObject({ conv: '8.64 kFLOP', convInput: '8.64 kFLOP', convWeight: '8.64 kFLOP' });
});

it('convolutions with images in lanes count alike', () => {
  const f = (x: Tensor, w: Tensor) => nn.functional.relu(x.conv2d(w, null, { padding: 1 }));
  // 2 · images · channels · outputs · taps: 2 · 16 · 32 · (8 · 8) · (32 · 9)
  expect(flopsOf(f, [randn([16, 32, 8, 8]), randn([32, 32, 3, 3])])).toMatchObject({ conv: '18.9 MFLOP' });
  const g = (x: Tensor, w: Tensor) => nn.functional.relu(x.conv2d(w, null, { stride: 2 }));
  // 2 · 16 · 32 · (4 · 4) · (32 · 25)
  expect(flopsOf(g, [randn([16, 32, 11, 11]), randn([32, 32, 5, 5])])).toMatchObject({ conv: '13.1 MFLOP' });
});

it('recurrent layers: the products with both weights, and twice that backwards', () => {
  const lstm = new nn.LSTM(3, 4);
  // 2 · steps · batch · rows · columns: 2 · 5 · 2 · 16 · (3 + 4)
  const run = (x: Tensor) => lstm.forward(x)[0];
  expect(flopsOf(run, [randn([5, 2, 3])])).toMatchObject({ lstm: '2.24 kFLOP', lstmBackward: '4.48 kFLOP' });
  const x = ones([5, 2, 3]);
  const weights = lstm.parameters();
  const found = flopsOf(() => run(x), weights);
  expect(found).toMatchObject({ lstm: '2.24 kFLOP', lstmBackward: '3.52 kFLOP' }); // without 2 · 5 · 2 · 16 · 3 for x
  const gru = new nn.GRU(3, 4, { bidirectional: true });
  const both = flopsOf((x) => gru.forward(x)[0], [randn([5, 2, 3])]);
  expect(both).toMatchObject({ gru: '3.36 kFLOP', gruBackward: '6.72 kFLOP' });
  const rnn = new nn.RNN(3, 4);
  const plain = flopsOf((x) => rnn.forward(x)[0], [randn([5, 2, 3])]);
  expect(plain).toMatchObject({ rnn: '560 FLOP', rnnBackward: '1.12 kFLOP' });
});

it('attention: two products forward and five backward, for the pairs that are seen', () => {
  const inputs = [randn([3, 2, 4, 8]), randn([3, 2, 5, 8]), randn([3, 2, 5, 6])];
  const all = flopsOf((q, k, v) => scaledDotProductAttention(q as Tensor, k as Tensor, v as Tensor), inputs);
  // 2 · batch · heads · pairs · widths: 2 · 6 · 20 · (8 + 6), and · (3 · 8 + 2 · 6)
  expect(all).toMatchObject({ attention: '3.36 kFLOP', attentionBackward: '8.64 kFLOP' });
  const causal = flopsOf(
    (q, k, v) => scaledDotProductAttention(q as Tensor, k as Tensor, v as Tensor, { isCausal: true, causalOffset: 1 }),
    inputs,
  );
  // Queries see 2, 3, 4 and 5 keys.
  expect(causal).toMatchObject({ attention: '2.35 kFLOP', attentionBackward: '6.05 kFLOP' });
});

it('factorisations: the counts of textbooks', () => {
  const solving = flopsOf((a, b) => linalg.solve(a as Tensor, b as Tensor), [randn([2, 6, 6]), randn([2, 6, 4])]);
  // 2 · (2 / 3) · 6³, and 2 · 2 · 6² · 4
  expect(solving).toMatchObject({ luFactor: '288 FLOP', luSolve: '576 FLOP' });
  const x = randn([6, 3]);
  expect(flopsOf((a) => linalg.qr(a as Tensor).R, [x])).toMatchObject({ geqrf: '90 FLOP' }); // 2 · 3² · (6 - 3 / 3)
  const spd = (a: Tensor) => a.matmul(a, { transposeA: true });
  expect(flopsOf((a) => linalg.cholesky(spd(a as Tensor)), [x])).toMatchObject({ cholesky: '9 FLOP' }); // 3³ / 3
});
