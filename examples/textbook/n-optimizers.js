// (n) Eight optimizers on the same network: the same first weights, the same batches, each with a usual learning rate.
//
// SGD takes the gradient as it is; momentum adds up the last ones. Adagrad divides each weight's step by all its gradients so
// far, RMSprop by the recent ones, Adam does so with momentum, AdamW also shrinks the weights. Lion keeps the sign alone, and
// Muon makes the step of a matrix orthogonal, so that it moves in all its directions alike.
import { charts, manualSeed, nn, optim, relu } from 'adjoint';
import { digits, end, learn, outputFolder, savePicture, smooth } from './lesson.js';

/** @typedef {import('adjoint').Tensor[]} Parameters */

/** @type {{ name: string, make: (parameters: Parameters) => import('./lesson.js').Optimizer }[]} */
const optimizers = [
  { name: 'SGD', make: (p) => new optim.SGD(p, { lr: 0.1 }) },
  { name: 'momentum', make: (p) => new optim.SGD(p, { lr: 0.02, momentum: 0.9 }) },
  { name: 'Adagrad', make: (p) => new optim.Adagrad(p, { lr: 0.01 }) },
  { name: 'RMSprop', make: (p) => new optim.RMSprop(p, { lr: 0.001 }) },
  { name: 'Adam', make: (p) => new optim.Adam(p, { lr: 0.001 }) },
  { name: 'AdamW', make: (p) => new optim.AdamW(p, { lr: 0.001, weightDecay: 0.1 }) },
  { name: 'Lion', make: (p) => new optim.Lion(p, { lr: 0.0003 }) },
  { name: 'Muon', make: (p) => withAdam(p) },
];

/** Muon is for matrices; Adam takes the biases. @param {Parameters} parameters */
function withAdam(parameters) {
  const muon = new optim.Muon(
    parameters.filter(({ shape }) => shape.length === 2),
    { lr: 0.02 },
  );
  const adam = new optim.Adam(
    parameters.filter(({ shape }) => shape.length < 2),
    { lr: 0.001 },
  );
  return {
    zeroGrad: () => [muon, adam].forEach((one) => void one.zeroGrad()),
    step: () => [muon, adam].forEach((one) => void one.step()),
  };
}

/** Trains with each, prints where it ends, and draws the losses. */
export async function run({ quiet = false, steps = 400, folder = outputFolder } = {}) {
  const print = quiet ? () => {} : console.log;
  const images = digits(6000);
  const results = optimizers.map(({ name, make }) => {
    manualSeed(1);
    const model = nn.sequential(new nn.Linear(784, 64), relu, new nn.Linear(64, 64), relu, new nn.Linear(64, 10));
    const losses = learn(model, make(model.parameters()), images, steps);
    print(
      `${name.padEnd(8)}  loss after ${steps / 4} steps ${end(losses.slice(0, steps / 4)).toFixed(3)}, after ${steps} ${end(losses).toFixed(3)}`,
    );
    return { name, losses };
  });

  const svg = await charts.lines({
    ...{ title: 'Eight optimizers, one network', height: 480, x: { label: 'step' }, y: { log: true, label: 'loss' } },
    lines: results.map(({ name, losses }) => ({ name, y: smooth(losses) })),
  });
  const file = savePicture(folder, 'optimizers.svg', svg);
  print(`\nthe picture: ${file}`);
  return { results, file };
}

if (import.meta.filename === process.argv[1]) await run();
