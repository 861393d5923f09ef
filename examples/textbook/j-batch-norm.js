// (j) What batch normalisation brings: the same network with it and without, at four learning rates.
//
// Every layer learns while the layers before it change what they send. Batch normalisation gives each unit's input mean 0 and
// deviation 1 over the batch, whatever the weights before it do. So one learning rate suits all layers, a large one does no
// harm, and where the weights began hardly matters (Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167).
import { charts, manualSeed, nn, optim, sigmoid } from 'adjoint';
import { digits, end, learn, outputFolder, savePicture, smooth } from './lesson.js';

const rates = [0.01, 0.1, 1, 10];
const width = 64;

/** Five hidden layers with sigmoids, the activation that suffers most. @param {boolean} isNormed */
function build(isNormed) {
  const hidden = Array.from({ length: 5 }, (_, i) => [
    new nn.Linear(i === 0 ? 784 : width, width),
    ...(isNormed ? [new nn.BatchNorm1d(width)] : []),
    sigmoid,
  ]);
  return nn.sequential(...hidden.flat(), new nn.Linear(width, 10));
}

/** Trains with each rate, prints where each training ends, and draws the losses. */
export async function run({ quiet = false, steps = 300, folder = outputFolder } = {}) {
  const print = quiet ? () => {} : console.log;
  const images = digits(6000);
  const results = [false, true].flatMap((isNormed) =>
    rates.map((lr) => {
      manualSeed(1);
      const model = build(isNormed);
      const losses = learn(model, new optim.SGD(model.parameters(), { lr }), images, steps);
      print(
        `${isNormed ? 'batch norm' : 'plain     '}  lr ${String(lr).padStart(4)}  loss after ${steps} steps ${end(losses).toFixed(3)}`,
      );
      return { isNormed, lr, losses };
    }),
  );

  const panels = [false, true].map((isNormed) =>
    charts.lines({
      ...{ title: isNormed ? 'With batch normalisation' : 'Without', x: { label: 'step' } },
      y: { label: 'loss', range: [0, 4] },
      lines: results
        .filter((result) => result.isNormed === isNormed)
        .map(({ lr, losses }) => ({ name: `learning rate ${lr}`, y: smooth(losses) })),
    }),
  );
  const file = savePicture(folder, 'batch-norm.svg', charts.sideBySide(await Promise.all(panels), { columns: 2 }));
  print(`\nthe picture: ${file}`);
  return { results, file };
}

if (import.meta.filename === process.argv[1]) await run();
