// (f) Exclusive or, the function that no single layer can learn: no straight line separates (0,1), (1,0) from (0,0),
// (1,1). Two hidden units draw one line each, and the output takes what lies between them.
//
// The last layer gives a logit, the log of the odds p / (1 − p), and the loss contains the sigmoid: log(sigmoid(z)) in
// one formula neither overflows nor loses digits. A network this small can get stuck from other starting weights;
// with eight hidden units it hardly ever does.
import { nn, noGrad, optim, sigmoid, tanh, tensor } from 'adjoint';

const inputs = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const targets = [[0], [1], [1], [0]];

export function build() {
  const hidden = new nn.Linear(2, 2);
  const output = new nn.Linear(2, 1);
  noGrad(() => {
    hidden.weight.copy_([
      [0.8, 0.6],
      [-0.5, -0.9],
    ]);
    hidden.bias?.copy_([-0.3, 0.7]);
    output.weight.copy_([[0.6, 0.4]]);
    output.bias?.copy_([-0.1]);
  });
  return { hidden, model: nn.sequential(hidden, tanh, output) };
}

/** Trains it and shows the two lines that the hidden units have drawn. */
export function run({ quiet = false, steps = 1000 } = {}) {
  const print = quiet ? () => {} : console.log;
  const x = tensor(inputs);
  const y = tensor(targets);
  const { hidden, model } = build();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.5 });

  const losses = [];
  for (let step = 0; step < steps; step++) {
    const loss = nn.functional.binaryCrossEntropyWithLogits(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
    if (step % 100 === 0 || step === steps - 1) {
      print(`step ${String(step).padStart(4)}  loss ${losses[step].toFixed(6)}`);
    }
  }

  const predictions = Array.from(noGrad(() => sigmoid(model.forward(x))).toTypedArray());
  print('');
  inputs.forEach(([a, b], i) => {
    print(`${a} xor ${b} is ${targets[i][0]}, the network says ${predictions[i].toFixed(3)}`);
  });
  const weights = hidden.weight.toTypedArray();
  const biases = hidden.bias?.toTypedArray() ?? [];
  print('\nthe hidden units change sign on the lines');
  for (const unit of [0, 1]) {
    const [a, b, c] = [weights[2 * unit], weights[2 * unit + 1], biases[unit]].map((v) => v.toFixed(2));
    print(`  ${a} x1 + ${b} x2 + ${c} = 0`);
  }
  return { losses, predictions };
}

if (import.meta.filename === process.argv[1]) run();
