// (b) Regression: a 2-4-4-1 network with ReLU learns a smooth function, x1·x2 + x1/2, from 25 points and is judged on
// 16 points between them that it never saw. train and evaluate are the two functions that every training program has.
import { nn, noGrad, optim, relu, tensor } from 'adjoint';

const batchSize = 5;

/** The points of a square grid, and the function there. @param {number[]} ticks */
function examples(ticks) {
  const x = ticks.flatMap((a) => ticks.map((b) => [a, b]));
  return { x, y: x.map(([a, b]) => [a * b + 0.5 * a]) };
}

export function build() {
  const first = new nn.Linear(2, 4);
  const second = new nn.Linear(4, 4);
  const output = new nn.Linear(4, 1);
  noGrad(() => {
    // Small numbers of both signs: equal rows would get equal gradients and stay equal for ever.
    first.weight.copy_([
      [0.6, -0.3],
      [-0.5, 0.4],
      [0.2, 0.7],
      [-0.4, -0.6],
    ]);
    first.bias?.copy_([0.1, 0.05, -0.1, 0.15]);
    second.weight.copy_([
      [0.5, -0.2, 0.3, 0.1],
      [-0.3, 0.6, 0.2, -0.1],
      [0.4, 0.1, -0.5, 0.3],
      [0.2, 0.3, 0.1, 0.6],
    ]);
    second.bias?.copy_([0.05, 0.1, 0.15, -0.05]);
    output.weight.copy_([[0.4, -0.6, 0.3, 0.5]]);
    output.bias?.copy_([0.02]);
  });
  return nn.sequential(first, relu, second, relu, output);
}

/**
 * One pass over the training points in batches, one update a batch. Returns the mean loss on the way.
 * @param {import('adjoint').nn.Module} model
 * @param {import('adjoint').optim.SGD} optimizer
 * @param {{ x: number[][], y: number[][] }} points
 */
function train(model, optimizer, { x, y }) {
  let total = 0;
  for (let i = 0; i < x.length; i += batchSize) {
    const loss = nn.functional.mseLoss(
      model.forward(tensor(x.slice(i, i + batchSize))),
      tensor(y.slice(i, i + batchSize)),
    );
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    total += loss.item();
  }
  return total / (x.length / batchSize);
}

/**
 * The loss on points that are only looked at: no gradients, no update.
 * @param {import('adjoint').nn.Module} model
 * @param {{ x: number[][], y: number[][] }} points
 */
function evaluate(model, { x, y }) {
  return noGrad(() => nn.functional.mseLoss(model.forward(tensor(x)), tensor(y)).item());
}

/** Trains and evaluates after every epoch. */
export function run({ quiet = false, epochs = 200 } = {}) {
  const print = quiet ? () => {} : console.log;
  const training = examples([-1, -0.5, 0, 0.5, 1]);
  const test = examples([-0.75, -0.25, 0.25, 0.75]);
  const model = build();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.05 });

  const losses = [];
  const testLosses = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    losses.push(train(model, optimizer, training));
    testLosses.push(evaluate(model, test));
    if (epoch % 20 === 0 || epoch === epochs - 1) {
      print(
        `epoch ${String(epoch).padStart(3)}  training loss ${losses[epoch].toFixed(5)}  test loss ${testLosses[epoch].toFixed(5)}`,
      );
    }
  }

  const predictions = Array.from(noGrad(() => model.forward(tensor(test.x))).toTypedArray());
  print('\n   x1     x2    wanted    predicted');
  test.x.forEach(([a, b], i) => {
    const row = [a, b].map((v) => v.toFixed(2).padStart(5)).join('  ');
    print(`${row}  ${test.y[i][0].toFixed(3).padStart(8)}  ${predictions[i].toFixed(3).padStart(11)}`);
  });
  return { losses, testLosses, predictions };
}

if (import.meta.filename === process.argv[1]) run();
