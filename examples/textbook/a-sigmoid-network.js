// (a) The smallest network that deserves the name: two inputs, two hidden units, one output, sigmoids everywhere.
//
//     x1 ──┬── h1 ──┐            h = sigmoid(W1 x + b1)     the hidden units
//          ╳        ├── p        p = sigmoid(W2 h + b2)     the probability that the answer is "yes"
//     x2 ──┴── h2 ──┘            loss = −mean(y log p + (1 − y) log(1 − p))
//
// It learns the logical "or" from its four samples. a-by-hand.js derives the gradients that backward() finds here.
import { nn, noGrad, optim, sigmoid, tensor } from 'adjoint';

export const inputs = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
export const targets = [[0], [1], [1], [1]];

// One row of weights for each unit, one column for each of its inputs.
export const start = {
  hiddenWeight: [
    [0.5, -0.4],
    [-0.3, 0.6],
  ],
  hiddenBias: [0.1, -0.2],
  outputWeight: [[0.7, -0.5]],
  outputBias: [0.05],
};

/** The network with the weights above. */
export function build() {
  const hidden = new nn.Linear(2, 2);
  const output = new nn.Linear(2, 1);
  noGrad(() => {
    hidden.weight.copy_(start.hiddenWeight);
    hidden.bias?.copy_(start.hiddenBias);
    output.weight.copy_(start.outputWeight);
    output.bias?.copy_(start.outputBias);
  });
  return nn.sequential(hidden, sigmoid, output, sigmoid);
}

/** Trains it. @returns what each epoch's loss was and what the network answers at the end. */
export function run({ quiet = false, epochs = 500 } = {}) {
  const print = quiet ? () => {} : console.log;
  const x = tensor(inputs);
  const y = tensor(targets);
  const model = build();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.5 });

  const losses = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const loss = nn.functional.binaryCrossEntropy(model.forward(x), y); // forward: from the inputs to one number that says how wrong we are
    optimizer.zeroGrad(); //                     forget the gradients of the step before
    loss.backward(); //                          backward: d loss / d weight for every weight
    optimizer.step(); //                         downhill: weight −= 0.5 · gradient
    losses.push(loss.item());
    if (epoch % 50 === 0) print(`epoch ${String(epoch).padStart(3)}  loss ${losses[epoch].toFixed(6)}`);
  }

  const predictions = Array.from(noGrad(() => model.forward(x)).toTypedArray());
  print(`epoch ${epochs}  loss ${losses.at(-1)?.toFixed(6)}\n`);
  inputs.forEach(([a, b], i) => {
    print(`${a} or ${b} is ${targets[i][0]}, the network says ${predictions[i].toFixed(3)}`);
  });
  return { losses, predictions };
}

if (import.meta.filename === process.argv[1]) run();
