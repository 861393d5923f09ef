// (k) Where weights should begin: what thirty layers make of a signal, and of the gradient, for four ways to draw weights.
//
// A layer of n inputs multiplies the variance of its signal by n · variance(weight), a ReLU halves it. Over thirty layers a
// factor of 1/2 is a billionth, and one of 2 a billion. Xavier's rule (Glorot and Bengio, 2010) makes the product 1 for
// activations that are nearly straight at 0, such as tanh; Kaiming's (He et al., 2015) adds the factor 2 that a ReLU takes.
// An orthogonal matrix keeps every length exactly, not only on average (Saxe et al., 2013).
import { charts, manualSeed, nn, randint, randn, relu, tanh } from 'adjoint';
import { outputFolder, savePicture, size } from './lesson.js';

const depth = 30;
const width = 128;

/** @typedef {import('adjoint').Tensor} Tensor */

/** @type {{ name: string, draw: (weight: Tensor, gain: number) => unknown }[]} */
const initialisers = [
  { name: 'normal, deviation 0.05', draw: (weight) => nn.init.normal_(weight, { std: 0.05 }) },
  { name: 'Xavier', draw: (weight) => nn.init.xavierNormal_(weight) },
  { name: 'Kaiming', draw: (weight) => nn.init.kaimingNormal_(weight, { nonlinearity: 'relu' }) },
  { name: 'orthogonal, with the gain', draw: (weight, gain) => nn.init.orthogonal_(weight, gain) },
];

/** The size of each layer's output and of its weight's gradient. @param {(typeof initialisers)[number]} how @param {'relu' | 'tanh'} kind */
function measure({ draw }, kind) {
  const layers = Array.from({ length: depth }, () => new nn.Linear(width, width, { bias: false }));
  // Near 0, tanh is straight: 1. (calculateGain('tanh') gives the usual 5/3, for signals that reach its bends.)
  for (const { weight } of layers) draw(weight, kind === 'relu' ? nn.init.calculateGain('relu') : 1);
  const activation = kind === 'relu' ? relu : tanh;
  let x = randn([256, width]);
  const signals = layers.map((layer) => {
    x = activation(layer.forward(x));
    return size(x);
  });
  const scores = new nn.Linear(width, 10).forward(x);
  nn.functional.crossEntropy(scores, randint(0, 10, [256])).backward();
  return { signals, gradients: layers.map(({ weight }) => size(weight.grad)) };
}

/** Measures both activations, prints the last signal and the first gradient, and draws all of them. */
export async function run({ quiet = false, folder = outputFolder } = {}) {
  const print = quiet ? () => {} : console.log;
  const kinds = /** @type {const} */ (['relu', 'tanh']);
  const results = kinds.flatMap((kind) =>
    initialisers.map((how) => {
      manualSeed(1);
      const { signals, gradients } = measure(how, kind);
      const [last, first] = [signals[depth - 1], gradients[0]].map((value) => value.toExponential(1));
      print(`${kind}  ${how.name.padEnd(26)} signal after ${depth} layers ${last}, gradient of the first ${first}`);
      return { kind, name: how.name, signals, gradients };
    }),
  );

  const panels = kinds.flatMap((kind) =>
    /** @type {const} */ (['signals', 'gradients']).map((what) =>
      charts.lines({
        ...{ title: `${kind}: size of the ${what}`, height: 320, x: { label: 'layer' }, y: { log: true } },
        lines: results
          .filter((result) => result.kind === kind)
          .map((result) => ({ name: result.name, x: result[what].map((_, i) => i + 1), y: result[what] })),
      }),
    ),
  );
  const file = savePicture(folder, 'initialisers.svg', charts.sideBySide(await Promise.all(panels), { columns: 2 }));
  print(`\nthe picture: ${file}`);
  return { results, file };
}

if (import.meta.filename === process.argv[1]) await run();
