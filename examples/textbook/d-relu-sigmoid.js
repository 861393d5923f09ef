// (d) Two classes: a 2-2-1 network, ReLU inside and a sigmoid at the end, mean squared error between the probability
// and the 0 or 1 that is wanted, Adam, 1,000 epochs.
//
// Mean squared error works here, but compare the gradients at a confident mistake (p near 1, y = 0): squared error
// gives 2 (p − y) p (1 − p), which vanishes there, cross entropy gives p − y, which does not. Hence nn.functional.binaryCrossEntropy elsewhere.
import { nn, noGrad, optim, relu, sigmoid, tensor } from 'adjoint';

// Height and weight of eight people, each as its distance from the mean in standard deviations.
const inputs = [
  [-1.5, 0.4],
  [1.2, -0.6],
  [0.9, 0.3],
  [-0.7, 1.1],
  [1.6, 0.8],
  [-0.4, -0.9],
  [0.5, -1.3],
  [-1.1, -0.2],
];
const targets = [[0], [1], [1], [0], [1], [0], [1], [0]];

export function build() {
  const hidden = new nn.Linear(2, 2);
  const output = new nn.Linear(2, 1);
  noGrad(() => {
    hidden.weight.copy_([
      [0.4, -0.3],
      [-0.2, 0.5],
    ]);
    hidden.bias?.copy_([0.1, 0.2]);
    output.weight.copy_([[0.6, -0.4]]);
    output.bias?.copy_([0.05]);
  });
  return nn.sequential(hidden, relu, output, sigmoid);
}

/** Trains it and asks it about each person. */
export function run({ quiet = false, epochs = 1000 } = {}) {
  const print = quiet ? () => {} : console.log;
  const x = tensor(inputs);
  const y = tensor(targets);
  const model = build();
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });

  const losses = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const loss = nn.functional.mseLoss(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
    if (epoch % 100 === 0 || epoch === epochs - 1) {
      print(`epoch ${String(epoch).padStart(4)}  loss ${losses[epoch].toFixed(6)}`);
    }
  }

  const predictions = Array.from(noGrad(() => model.forward(x)).toTypedArray());
  print('');
  inputs.forEach((person, i) => {
    const measures = person.map((v) => v.toFixed(1).padStart(4)).join(', ');
    print(`(${measures})  class ${targets[i][0]}, probability of class 1: ${predictions[i].toFixed(3)}`);
  });
  return { losses, predictions };
}

if (import.meta.filename === process.argv[1]) run();
