// (g) Why deep networks were hard to train, and what changed: the size of the gradient in each of ten layers.
//
// Backward multiplies the gradient by each layer's weights and by the slope of its activation. A sigmoid's slope is at
// most 1/4, so after ten layers next to nothing arrives at the first: it does not learn. ReLU's slope is 1 or 0; half
// of the signal is lost, and Kaiming initialisation (He et al., 2015) makes the weights larger by √2 to make up for it.
import { charts, manualSeed, nn, randint, randn, relu, sigmoid } from 'adjoint';
import { outputFolder, savePicture, size } from './lesson.js';

const depth = 10;
const width = 64;
const classes = 10;

/** @param {'sigmoid' | 'relu'} kind */
export function build(kind) {
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
  return layers.map(({ weight }) => size(weight.grad));
}

/** Measures both networks, prints bars on a logarithmic scale and draws the picture. */
export async function run({ quiet = false, folder = outputFolder } = {}) {
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
  const svg = await charts.lines({
    title: 'Gradients on their way back through ten layers',
    x: { range: [1, depth], label: 'layer (the loss is on the right)' },
    y: { log: true, label: 'size of the weight gradient' },
    lines: [
      { name: 'ReLU, Kaiming initialisation', x: layers, y: sizes.relu, style: 'both' },
      { name: 'sigmoid', x: layers, y: sizes.sigmoid, style: 'both' },
    ],
  });
  const file = savePicture(folder, 'vanishing-gradients.svg', svg);
  print(`\nthe picture: ${file}`);
  return { sizes, file };
}

if (import.meta.filename === process.argv[1]) await run();
