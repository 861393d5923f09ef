// (h) Three ways down the same valley: f(x, y) = (1 − x)² + 5 (y − x²)², Rosenbrock's function with a milder wall (his
// has 100 in place of 5). The floor of the valley is the curve y = x², its lowest point is (1, 1).
//
// SGD follows the steepest slope: down the wall at once, then slowly along the floor, where there is little slope.
// Momentum keeps its speed: it overshoots at first and is soon faster on the floor. Adam scales each direction by the
// gradients that it has seen there: its first steps are all of size lr, whatever the slope.
import { charts, optim, tensor } from 'adjoint';
import { outputFolder, savePicture } from './lesson.js';

const start = [-1.4, 1.6];

/** @type {{ name: string, make: (p: import('adjoint').Tensor[]) => optim.SGD | optim.Adam }[]} */
const walkers = [
  { name: 'SGD', make: (p) => new optim.SGD(p, { lr: 0.01 }) },
  { name: 'momentum', make: (p) => new optim.SGD(p, { lr: 0.01, momentum: 0.9 }) },
  { name: 'Adam', make: (p) => new optim.Adam(p, { lr: 0.1 }) },
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

/** The height as a picture: light is high, and each step of shade is a contour. */
function valleyPicture() {
  const size = 400;
  const data = Uint8Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [-2 + (4 * ((i % size) + 0.5)) / size, 3 - (4 * (Math.floor(i / size) + 0.5)) / size];
    return Math.min(250, 130 + 9 * Math.round(4 * Math.log10(1 + 20 * height(x, y))));
  });
  return { width: size, height: size, data };
}

/** Walks, prints where each one is from time to time, and draws the paths. */
export async function run({ quiet = false, steps = 150, folder = outputFolder } = {}) {
  const print = quiet ? () => {} : console.log;
  const paths = walkers.map(({ make }) => walk(make, steps));

  print(`height above the lowest point\nstep  ${walkers.map(({ name }) => name.padStart(10)).join('')}`);
  for (let step = 0; step <= steps; step += 15) {
    print(
      `${String(step).padStart(4)}  ${paths.map((path) => height(path[step][0], path[step][1]).toFixed(5).padStart(10)).join('')}`,
    );
  }

  const svg = await charts.lines({
    ...{ title: `${steps} steps down a curved valley`, width: 760, height: 620, background: valleyPicture() },
    ...{ x: { range: [-2, 2], label: 'x' }, y: { range: [-1, 3], label: 'y' } },
    lines: [
      ...walkers.map(({ name }, i) => ({
        name,
        x: paths[i].map(([x]) => x),
        y: paths[i].map(([, y]) => y),
        colour: i,
      })),
      { name: 'start', x: [start[0]], y: [start[1]], style: 'dots', colour: 7 },
      { name: 'lowest point', x: [1], y: [1], style: 'dots', colour: 6 },
    ],
  });
  const file = savePicture(folder, 'optimizer-paths.svg', svg);
  print(`\nthe picture: ${file}`);
  return { paths, file };
}

if (import.meta.filename === process.argv[1]) await run();
