// (g) Why deep networks were hard to train, and what changed: the size of the gradient in each of ten layers.
//
// Backward multiplies the gradient by each layer's weights and by the slope of its activation. A sigmoid's slope is at
// most 1/4, so after ten layers next to nothing arrives at the first: it does not learn. ReLU's slope is 1 or 0; half
// of the signal is lost, and Kaiming initialisation (He et al., 2015) makes the weights larger by √2 to make up for it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { io, manualSeed, nn, randint, randn, relu, sigmoid } from 'adjoint';
import { Chart } from '../shared/chart.js';
import { colours, Picture } from '../shared/picture.js';

const depth = 10;
const width = 64;
const classes = 10;

/** @param {'sigmoid' | 'relu'} kind */
function build(kind) {
  const layers = Array.from({ length: depth }, () => new nn.Linear(width, width));
  if (kind === 'relu') for (const layer of layers) nn.init.kaimingNormal_(layer.weight, { nonlinearity: 'relu' });
  const activation = kind === 'relu' ? relu : sigmoid;
  const model = nn.sequential(...layers.flatMap((layer) => [layer, activation]), new nn.Linear(width, classes));
  return { layers, model };
}

/** The root mean square of each layer's weight gradient after one backward pass. @param {'sigmoid' | 'relu'} kind */
function gradientSizes(kind) {
  const { layers, model } = build(kind);
  const x = randn([128, width]);
  const labels = randint(0, classes, [128]);
  nn.functional.crossEntropy(model.forward(x), labels).backward();
  return layers.map(({ weight }) =>
    /** @type {import('adjoint').Tensor} */ (weight.grad).square().mean().sqrt().item(),
  );
}

/** Measures both networks, prints bars on a logarithmic scale and draws the picture. */
export function run({ quiet = false, folder = join(import.meta.dirname, 'output') } = {}) {
  const print = quiet ? () => {} : console.log;
  manualSeed(1);
  const sizes = { sigmoid: gradientSizes('sigmoid'), relu: gradientSizes('relu') };

  for (const [name, values] of Object.entries(sizes)) {
    print(`\n${name === 'relu' ? 'ReLU, Kaiming initialisation' : 'sigmoid'}: size of the gradient by layer`);
    values.forEach((value, i) => {
      const bar = '█'.repeat(Math.max(1, Math.round(3 * (Math.log10(value) + 14))));
      print(`${String(i + 1).padStart(2)}  ${value.toExponential(1).padStart(7)}  ${bar}`);
    });
  }

  const layers = sizes.relu.map((_, i) => i + 1);
  const smallest = Math.min(...sizes.sigmoid);
  const picture = new Picture(960, 640);
  const chart = new Chart(picture, {
    title: 'gradients on their way back through ten layers',
    x: { range: [1, depth], label: 'layer (the loss is on the right)', ticks: layers },
    y: { range: [10 ** Math.floor(Math.log10(smallest)), 1], log: true, label: 'size of the weight gradient' },
  });
  chart.line(layers, sizes.relu, colours.blue, { label: 'ReLU, Kaiming initialisation', dots: 5 });
  chart.line(layers, sizes.sigmoid, colours.red, { label: 'sigmoid', dots: 5 });
  chart.legend('bottom right');
  const file = join(folder, 'vanishing-gradients.png');
  mkdirSync(folder, { recursive: true });
  io.writePng(file, picture);
  print(`\nthe picture: ${file}`);
  return { sizes, file };
}

if (import.meta.filename === process.argv[1]) run();
