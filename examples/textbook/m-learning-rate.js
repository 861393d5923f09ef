// (m) How to find a learning rate without many trainings: raise it from step to step and look at the loss.
//
// With a rate that is much too small nothing happens, then the loss falls, and soon after its lowest point it explodes. A
// good rate is where it falls most steeply (Smith, 2015, https://arxiv.org/abs/1506.01186). train.findLearningRate does
// that within some hundred steps and puts everything back; trainings with a hundredth, once and a hundred times what it says
// show whether it was right.
import { charts, data, manualSeed, nn, optim, relu, train } from 'adjoint';
import { digits, end, learn, outputFolder, savePicture, smooth } from './lesson.js';

function build() {
  manualSeed(1);
  return nn.sequential(new nn.Linear(784, 64), relu, new nn.Linear(64, 64), relu, new nn.Linear(64, 10));
}

/** Looks for a rate, tries it beside others, and draws both. */
export async function run({ quiet = false, steps = 300, folder = outputFolder } = {}) {
  const print = quiet ? () => {} : console.log;
  const images = digits(6000);
  const model = build();
  const found = await train.findLearningRate(model, {
    data: new data.DataLoader(new data.TensorDataset(images.x, images.labels), { batchSize: 64, shuffle: true }),
    ...{ loss: nn.functional.crossEntropy, optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }) },
    ...{ from: 1e-4, to: 30, steps: 150 },
  });
  print(`the loss falls most steeply at a learning rate of ${found.suggestion.toPrecision(2)}\n`);

  const results = [0.01, 1, 100].map((factor) => {
    const lr = factor * found.suggestion;
    const fresh = build();
    const losses = learn(fresh, new optim.SGD(fresh.parameters(), { lr }), images, steps);
    print(`learning rate ${lr.toPrecision(2).padStart(7)}  loss after ${steps} steps ${end(losses).toFixed(3)}`);
    return { lr, losses };
  });

  const search = await charts.lines({
    ...{
      title: 'The loss while the learning rate grows',
      x: { log: true, label: 'learning rate' },
      y: { label: 'loss' },
    },
    lines: [
      { name: 'loss', x: found.rates, y: found.losses },
      { name: 'suggestion', x: [found.suggestion], y: [nearest(found)], style: 'dots', colour: 1 },
    ],
  });
  const trainings = await charts.lines({
    ...{ title: 'Trained with fixed rates', x: { label: 'step' }, y: { label: 'loss', range: [0, 4] } },
    lines: results.map(({ lr, losses }) => ({ name: `learning rate ${lr.toPrecision(2)}`, y: smooth(losses) })),
  });
  const file = savePicture(folder, 'learning-rate.svg', charts.sideBySide([search, trainings], { columns: 2 }));
  print(`\nthe picture: ${file}`);
  return { found, results, file };
}

/** The loss at the suggestion. @param {import('adjoint').train.LearningRates} found */
function nearest({ rates, losses, suggestion }) {
  return losses[
    Math.max(
      0,
      rates.findLastIndex((rate) => rate <= suggestion),
    )
  ];
}

if (import.meta.filename === process.argv[1]) await run();
