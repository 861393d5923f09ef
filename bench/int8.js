// npm run bench:int8 [-- --threads 2]
// A linear layer of floats and the same in eight bits (compress.quantizeDynamic), here and in PyTorch (torch.ao.quantization), in
// turns. PYTHON names a Python that has PyTorch; without one its columns stay empty. Microseconds are medians.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile, compress, nn, noGrad, randn, setNumThreads } from 'adjoint';
import { median, printTable, short } from './table.js';

const { values } = parseArgs({ options: { threads: { type: 'string', default: '1' } } });
const sizes = [
  [784, 128],
  [384, 1536],
  [1024, 4096],
];
const batches = [1, 8, 64];
const rounds = 5;

/** @param {(x: import('adjoint').Tensor) => unknown} predict @param {import('adjoint').Tensor} x */
function microseconds(predict, x) {
  const times = Array.from({ length: 40 }, () => {
    const started = performance.now();
    predict(x);
    return 1000 * (performance.now() - started);
  });
  return median(times);
}

/** Of a layer of floats and one of integers. @param {number} inputs @param {number} outputs @param {number} rows */
function own(inputs, outputs, rows) {
  const layer = new nn.Linear(inputs, outputs);
  const x = randn([rows, inputs]);
  return [layer, compress.quantizeDynamic(layer.clone())].map((model) =>
    microseconds(compile((x) => noGrad(() => model.forward(x))).sync, x),
  );
}

/** The same in PyTorch; nothing where there is none. @param {number[]} numbers @returns {number[]} */
function torch(...numbers) {
  if (process.env.PYTHON === undefined) return [];
  const peer = fileURLToPath(new URL('peers/torch_int8.py', import.meta.url));
  return JSON.parse(
    execFileSync(process.env.PYTHON, [peer, values.threads, ...numbers.map(String)], { encoding: 'utf8' }),
  );
}

setNumThreads(Number(values.threads));
const rows = sizes.flatMap(([inputs, outputs]) =>
  batches.map((batch) => {
    const taken = Array.from({ length: rounds }, () => [
      ...own(inputs, outputs, batch),
      ...torch(inputs, outputs, batch),
    ]);
    const medians = [0, 1, 2, 3].map((i) => median(taken.map((round) => round[i])));
    return [`${inputs} → ${outputs}, ${batch} rows`, ...medians.map(short)];
  }),
);
printTable(['μs', 'float32', 'int8', 'PyTorch float32', 'PyTorch int8'], rows);
