// (i) Why very deep networks add each layer's input to its output: forty layers on handwritten digits, plain and residual.
//
// Both have Kaiming initialisation, so that signals neither vanish nor explode (lessons g and k). The plain one still learns
// badly: each ReLU makes any two inputs a little more alike, and after forty of them all digits look the same. A residual
// layer computes x + f(x): what came in is still there when it comes out, and the gradient, whose factor is 1 + f′, has a
// straight way back (He, Zhang, Ren and Sun, 2015, https://arxiv.org/abs/1512.03385; with f in this order, 2016,
// https://arxiv.org/abs/1603.05027).
import { charts, manualSeed, nn, noGrad, optim, relu } from 'adjoint';
import { digits, end, learn, outputFolder, savePicture, smooth } from './lesson.js';

const depth = 40;
const width = 32;

/** x + f(x), or f(x) alone, where f is a ReLU and a linear layer. */
class Layer extends nn.Module {
  /** @param {boolean} isResidual */
  constructor(isResidual) {
    super();
    this.isResidual = isResidual;
    this.linear = new nn.Linear(width, width);
    nn.init.kaimingNormal_(this.linear.weight, { nonlinearity: 'relu' });
    // Forty sums would grow without end: each part begins small.
    if (isResidual) noGrad(() => this.linear.weight.mul_(1 / Math.sqrt(depth)));
  }

  /** @param {import('adjoint').Tensor} x */
  forward(x) {
    const y = this.linear.forward(relu(x));
    return this.isResidual ? x.add(y) : y;
  }
}

/** @param {boolean} isResidual */
function build(isResidual) {
  const layers = Array.from({ length: depth }, () => new Layer(isResidual));
  const first = new nn.Linear(784, width);
  return { first, layers, model: nn.sequential(first, ...layers, relu, new nn.Linear(width, 10)) };
}

/**
 * How alike layers make different digits: the mean cosine between what any two of them become, 1 for the same direction.
 * @param {ReturnType<typeof build>} network
 * @param {import('adjoint').Tensor} x
 */
function likeness({ first, layers }, x) {
  return noGrad(() => {
    let signal = first.forward(x);
    return layers.map((layer) => {
      signal = layer.forward(signal);
      const directions = nn.functional.normalize(relu(signal), { dim: 1 });
      return directions.matmul(directions, { transposeB: true }).mean().item();
    });
  });
}

/** Trains both, and draws the losses and how alike the digits were at the start. */
export async function run({ quiet = false, steps = 400, folder = outputFolder } = {}) {
  const print = quiet ? () => {} : console.log;
  const images = digits(6000);
  const results = ['plain', 'residual'].map((name) => {
    manualSeed(1);
    const network = build(name === 'residual');
    const alike = likeness(network, images.x.slice({ end: 200 }));
    const { model } = network;
    const losses = learn(model, new optim.SGD(model.parameters(), { lr: 0.02, momentum: 0.9 }), images, steps);
    print(
      `${name.padEnd(8)}  loss after ${steps} steps ${end(losses).toFixed(3)}, likeness of digits ${alike[depth - 1].toFixed(3)}`,
    );
    return { name, losses, alike };
  });

  const loss = await charts.lines({
    ...{ title: `${depth} layers learn digits`, x: { label: 'step' }, y: { label: 'loss' } },
    lines: results.map(({ name, losses }) => ({ name, y: smooth(losses) })),
  });
  const start = await charts.lines({
    title: 'How alike all digits are at the start',
    ...{ x: { label: 'layer' }, y: { label: 'mean cosine', range: [0, 1] } },
    lines: results.map(({ name, alike }) => ({ name, x: alike.map((_, i) => i + 1), y: alike })),
  });
  const file = savePicture(folder, 'residual.svg', charts.sideBySide([loss, start], { columns: 2 }));
  print(`\nthe picture: ${file}`);
  return { results, file };
}

if (import.meta.filename === process.argv[1]) await run();
