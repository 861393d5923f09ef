// (l) Why recurrent networks clip their gradients: one that adds two numbers out of a sequence of fifty.
//
// Each step of the sequence has a random number and a mark; two are marked, and the sum of their numbers is wanted
// (Hochreiter and Schmidhuber, 1997). Backward multiplies by the same recurrent matrix at every step: where that stretches a
// little, fifty steps stretch a lot. Most gradients are small, and now and then one is a thousand times larger. SGD would throw
// away in one step what was learned; Adam divides by the squares of what it has seen, and after such a gradient its steps are
// next to nothing for a thousand more. Clipping keeps the direction and cuts the length (Pascanu, Mikolov and Bengio, 2013,
// https://arxiv.org/abs/1211.5063).
import { charts, eye, manualSeed, nn, noGrad, optim, rand, tensor } from 'adjoint';
import { end, outputFolder, savePicture, smooth } from './lesson.js';

const length = 50;
const batch = 32;
const units = 32;

/** Sequences [length, batch, 2] of a number and a mark, and the sums [batch, 1]. */
function sequences() {
  const numbers = rand([length, batch]).toTypedArray();
  const places = rand([2, batch]).toTypedArray();
  const x = new Float32Array(length * batch * 2);
  const sums = new Float32Array(batch);
  for (let b = 0; b < batch; b++) {
    // One mark in the first half, one in the second.
    const marked = [0, 1].map((half) => Math.floor(((half + places[half * batch + b]) * length) / 2));
    for (let t = 0; t < length; t++) {
      x[2 * (t * batch + b)] = numbers[t * batch + b];
      if (!marked.includes(t)) continue;
      x[2 * (t * batch + b) + 1] = 1;
      sums[b] += numbers[t * batch + b];
    }
  }
  return { x: tensor(x, { shape: [length, batch, 2] }), y: tensor(sums, { shape: [batch, 1] }) };
}

/** The losses, and the norms of the gradients before they are clipped. @param {number} maxNorm @param {number} steps */
function train(maxNorm, steps) {
  manualSeed(2);
  const rnn = new nn.RNN(2, units, { nonlinearity: 'relu' });
  // The identity as recurrent matrix remembers; it is also at the edge of exploding (Le, Jaitly and Hinton, 2015).
  noGrad(() => rnn.getParameter('weight_hh_l0').copy_(eye(units)));
  const output = new nn.Linear(units, 1);
  const parameters = [...rnn.parameters(), ...output.parameters()];
  const optimizer = new optim.Adam(parameters, { lr: 0.002 });
  const losses = [];
  const norms = [];
  for (let step = 0; step < steps; step++) {
    const { x, y } = sequences();
    const [states] = rnn.forward(x);
    const last = states.slice({ start: length - 1 }).reshape([batch, units]);
    const loss = nn.functional.mseLoss(output.forward(last), y);
    optimizer.zeroGrad();
    loss.backward();
    norms.push(nn.utils.clipGradNorm_(parameters, maxNorm).item());
    optimizer.step();
    losses.push(loss.item());
  }
  return { losses, norms };
}

/** Trains with and without clipping, prints and draws losses and norms. */
export async function run({ quiet = false, steps = 1500, folder = outputFolder } = {}) {
  const print = quiet ? () => {} : console.log;
  const results = [
    { name: 'as they come', maxNorm: Number.MAX_VALUE },
    { name: 'clipped to norm 1', maxNorm: 1 },
  ].map(({ name, maxNorm }) => {
    const { losses, norms } = train(maxNorm, steps);
    const largest = norms.reduce((most, norm) => Math.max(most, norm), 0);
    print(`${name.padEnd(18)} loss ${end(losses).toFixed(4)}, largest gradient ${largest.toExponential(1)}`);
    return { name, losses, norms };
  });
  print('(always answering 1 has the loss 0.1667)');

  const loss = await charts.lines({
    ...{ title: 'Loss', x: { label: 'step' }, y: { log: true } },
    lines: results.map(({ name, losses }) => ({ name, y: smooth(losses) })),
  });
  const norm = await charts.lines({
    ...{ title: 'Norm of the gradient, before clipping', x: { label: 'step' }, y: { log: true } },
    lines: results.map(({ name, norms }) => ({ name, y: norms, style: 'faint' })),
  });
  const file = savePicture(folder, 'clipping.svg', charts.sideBySide([loss, norm], { columns: 2 }));
  print(`\nthe picture: ${file}`);
  return { results, file };
}

if (import.meta.filename === process.argv[1]) await run();
