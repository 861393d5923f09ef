// (h) Three ways down the same valley: f(x, y) = (1 − x)² + 5 (y − x²)², Rosenbrock's function with a milder wall (his
// has 100 in place of 5). The floor of the valley is the curve y = x², its lowest point is (1, 1).
//
// SGD follows the steepest slope: down the wall at once, then slowly along the floor, where there is little slope.
// Momentum keeps its speed: it overshoots at first and is soon faster on the floor. Adam scales each direction by the
// gradients that it has seen there: its first steps are all of size lr, whatever the slope.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { io, optim, tensor } from 'adjoint';
import { Chart } from '../shared/chart.js';
import { colourScale, colours, Picture } from '../shared/picture.js';

const start = [-1.4, 1.6];

/** @type {{ name: string, colour: typeof colours[keyof typeof colours], make: (p: import('adjoint').Tensor[]) => optim.SGD | optim.Adam }[]} */
const walkers = [
  { name: 'SGD', colour: colours.red, make: (p) => new optim.SGD(p, { lr: 0.01 }) },
  { name: 'momentum', colour: colours.orange, make: (p) => new optim.SGD(p, { lr: 0.01, momentum: 0.9 }) },
  { name: 'Adam', colour: colours.blue, make: (p) => new optim.Adam(p, { lr: 0.1 }) },
];

/** @param {import('adjoint').Tensor} x @param {import('adjoint').Tensor} y */
const valley = (x, y) => x.sub(1).square().add(y.sub(x.square()).square().mul(5));

/** The same in plain numbers, for the background of the picture. @param {number} x @param {number} y */
const height = (x, y) => (1 - x) ** 2 + 5 * (y - x * x) ** 2;

/** @param {(p: import('adjoint').Tensor[]) => optim.SGD | optim.Adam} make @param {number} steps */
function walk(make, steps) {
  const [x, y] = start.map((value) => tensor(value, { requiresGrad: true }));
  const optimizer = make([x, y]);
  const path = [[x.item(), y.item()]];
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    valley(x, y).backward();
    optimizer.step();
    path.push([x.item(), y.item()]);
  }
  return path;
}

/** Walks, prints where each one is from time to time, and draws the paths. */
export function run({ quiet = false, steps = 150, folder = join(import.meta.dirname, 'output') } = {}) {
  const print = quiet ? () => {} : console.log;
  const paths = walkers.map(({ make }) => walk(make, steps));

  print(`height above the lowest point\nstep  ${walkers.map(({ name }) => name.padStart(10)).join('')}`);
  for (let step = 0; step <= steps; step += 15) {
    print(
      `${String(step).padStart(4)}  ${paths.map((path) => height(path[step][0], path[step][1]).toFixed(5).padStart(10)).join('')}`,
    );
  }

  const picture = new Picture(960, 720);
  const chart = new Chart(picture, {
    title: `${steps} steps down a curved valley`,
    x: { range: [-2, 2], label: 'x' },
    y: { range: [-1, 3], label: 'y' },
  });
  const shade = colourScale([
    [60, 90, 120],
    [150, 180, 195],
    [240, 240, 230],
  ]);
  chart.heat(height, (value) => shade(Math.log10(1 + 20 * value) / 3.3));
  chart.contours(height, [0.1, 0.5, 2, 5, 10, 20, 40, 80], colours.white);
  walkers.forEach(({ name, colour }, i) => {
    const outline = colours.white;
    chart.line(
      paths[i].map(([x]) => x),
      paths[i].map(([, y]) => y),
      colour,
      { label: name, dots: 2.5, outline },
    );
  });
  chart.mark(start[0], start[1], colours.black);
  const [left, top] = chart.place(start[0], start[1]);
  picture.text(left - 14, top, 'start', { align: 'right', halo: colours.white });
  chart.mark(1, 1, colours.black, 'lowest point');
  chart.legend('bottom left');
  const file = join(folder, 'optimizer-paths.png');
  mkdirSync(folder, { recursive: true });
  io.writePng(file, picture);
  print(`\nthe picture: ${file}`);
  return { paths, file };
}

if (import.meta.filename === process.argv[1]) run();
