// (c) Adam: a 2-3-3-1 network with ReLU learns the bowl x1² + x2² in 1,000 steps over all 25 points at once.
//
// SGD moves every weight by lr · gradient. Adam keeps two running means for each weight, of its gradient (m) and of its
// squared gradient (v), and moves by lr · m / √v: about lr a step while the sign of the gradient lasts, less where it
// jumps to and fro. So one learning rate suits weights whose gradients are of very different sizes.
import { nn, noGrad, optim, relu, tensor } from 'adjoint';

const ticks = [-1, -0.5, 0, 0.5, 1];
const inputs = ticks.flatMap((a) => ticks.map((b) => [a, b]));
const targets = inputs.map(([a, b]) => [a * a + b * b]);

export function build() {
  const first = new nn.Linear(2, 3);
  const second = new nn.Linear(3, 3);
  const output = new nn.Linear(3, 1);
  noGrad(() => {
    first.weight.copy_([
      [0.5, 0.4],
      [-0.6, 0.3],
      [0.2, -0.7],
    ]);
    first.bias?.copy_([0.1, 0.2, 0.1]);
    second.weight.copy_([
      [0.6, 0.3, 0.2],
      [-0.2, 0.5, 0.4],
      [0.3, -0.1, 0.6],
    ]);
    second.bias?.copy_([0.05, 0.1, 0.15]);
    output.weight.copy_([[0.5, 0.4, 0.6]]);
    output.bias?.copy_([0]);
  });
  return nn.sequential(first, relu, second, relu, output);
}

/** Trains it and prints the bowl that it has learnt. */
export function run({ quiet = false, steps = 1000 } = {}) {
  const print = quiet ? () => {} : console.log;
  const x = tensor(inputs);
  const y = tensor(targets);
  const model = build();
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });

  const losses = [];
  for (let step = 0; step < steps; step++) {
    const loss = nn.functional.mseLoss(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
    if (step % 100 === 0 || step === steps - 1) {
      print(`step ${String(step).padStart(4)}  loss ${losses[step].toFixed(6)}`);
    }
  }

  const predictions = Array.from(noGrad(() => model.forward(x)).toTypedArray());
  print('\nx1² + x2² as the network sees it (wanted in brackets), x1 downwards, x2 to the right:');
  ticks.forEach((_, row) => {
    const cells = ticks.map((_, column) => {
      const i = row * ticks.length + column;
      return `${predictions[i].toFixed(2)} (${targets[i][0].toFixed(2)})`;
    });
    print(cells.join('   '));
  });
  return { losses, predictions };
}

if (import.meta.filename === process.argv[1]) run();
