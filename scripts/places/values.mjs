// Run in the copy: what CONTRIBUTING.md adds, against closed forms in float64.
import * as adjoint from '../../dist/index.js';

const { grad, tensor } = adjoint;
/** @typedef {import('../../dist/index.js').Tensor} Tensor */

let failed = 0;

/** @param {string} name @param {Tensor} actual @param {number[]} expected */
function compare(name, actual, expected) {
  const found = Array.from(/** @type {Float64Array} */ (actual.toTypedArray()));
  const fits = found.length === expected.length && found.every((v, i) => Math.abs(v - expected[i]) < 1e-14);
  if (!fits) failed++;
  console.log(`${fits ? 'ok   ' : 'FAIL '} ${name}${fits ? '' : `: ${found} instead of ${expected}`}`);
}

/** @param {number[]} values */
const leaf = (values) => tensor(Float64Array.from(values), { requiresGrad: true });

const xs = [-3, -0.5, 0, 0.25, 7];
{
  const x = leaf(xs);
  const y = adjoint.elliott(x);
  compare(
    'elliott',
    y,
    xs.map((v) => v / (1 + Math.abs(v))),
  );
  const [dx] = grad([y.sum()], [x], { createGraph: true });
  compare(
    'elliott, gradient',
    dx,
    xs.map((v) => (1 + Math.abs(v)) ** -2),
  );
  const [dxx] = grad([dx.sum()], [x]);
  compare(
    'elliott, second derivative',
    dxx,
    xs.map((v) => -2 * Math.sign(v) * (1 + Math.abs(v)) ** -3),
  );
  compare(
    'x.elliott()',
    x.elliott(),
    xs.map((v) => v / (1 + Math.abs(v))),
  );
}
{
  const ends = [2, 4, -1, 0, 1];
  const [a, b] = [leaf(xs), leaf(ends)];
  const y = adjoint.blend(a, b, 0.25);
  compare(
    'blend',
    y,
    xs.map((v, i) => 0.75 * v + 0.25 * ends[i]),
  );
  const [da, db] = grad([y.square().sum()], [a, b]);
  compare(
    'blend, gradient of a',
    da,
    xs.map((v, i) => 2 * 0.75 * (0.75 * v + 0.25 * ends[i])),
  );
  compare(
    'blend, gradient of b',
    db,
    xs.map((v, i) => 2 * 0.25 * (0.75 * v + 0.25 * ends[i])),
  );
}
{
  const p = leaf(xs);
  const optimizer = new adjoint.optim.Signum([p], { lr: 0.1, momentum: 0.6, weightDecay: 0.5 });
  const expected = [...xs];
  const means = xs.map(() => 0);
  for (let step = 0; step < 5; step++) {
    optimizer.zeroGrad();
    p.square().sum().backward();
    optimizer.step();
    expected.forEach((v, i) => {
      means[i] = 0.6 * means[i] + 0.4 * 2 * v;
      expected[i] = v - 0.1 * (Math.sign(means[i]) + 0.5 * v);
    });
  }
  compare('Signum, five steps', p, expected);
}
process.exitCode = failed > 0 ? 1 : 0;
