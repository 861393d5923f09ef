// Single operations: the cost of a call, matrix products against plain OpenBLAS and the machine's peak, elementwise
// work against the bandwidth of a copy. The native side of each pair is bench/peers/machine.c, run in the same round.
import { add, exp, gelu, manualSeed, matmul, randn, relu, setNumThreads, softmax, tanh } from 'adjoint';
import { compile, Peer } from './peers/process.js';
import { median, printTable, short, spread } from './table.js';

/** [m, n, k, transA, transB]: squares, then the shapes of training W2 and W3. @type {[number, number, number, boolean, boolean][]} */
const products = [
  [64, 64, 64, false, false],
  [256, 256, 256, false, false],
  [512, 512, 512, false, false],
  [1024, 1024, 1024, false, false],
  [64, 128, 784, false, true],
  [128, 784, 64, true, false],
  [64, 10, 128, false, true],
  [128, 512, 784, false, true],
  [512, 784, 128, true, false],
  [128, 512, 512, false, false],
  [1, 128, 784, false, true],
];

/** Elements of a tensor in the first cache, in the second, and beyond all caches. */
const lengths = [4096, 65536, 8388608];

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ name: string, value: number, unit: string, spread: number, share?: number, ratio?: number, threads: number }} Row */

/** Seconds per call, measured long enough for the clock. @param {() => void} call @param {number} [least] seconds */
function time(call, least = 0.01) {
  for (let calls = 1; ; ) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call();
    const elapsed = (performance.now() - start) / 1000;
    if (elapsed >= least) return elapsed / calls;
    calls = Math.ceil(calls * Math.min(100, Math.max(2, (1.2 * least) / Math.max(elapsed, 1e-6))));
  }
}

/** @param {number} rounds @returns {Row[]} */
function benchOverhead(rounds) {
  const a = randn([16]);
  const b = randn([16]);
  const w = randn([16], { requiresGrad: true });
  /** @type {[string, () => void][]} */
  const calls = [
    ['add on 16 floats, no gradients', () => void add(a, b)],
    ['add on 16 floats, recorded for backward', () => void add(w, b)],
    ['… and its result disposed of at once', () => add(w, b).dispose()],
  ];
  const rows = calls.map(([name, call]) => {
    time(call, 0.2); // compiled by V8, swept a few times
    const nanoseconds = Array.from({ length: rounds }, () => 1e9 * time(call, 0.02));
    return { name, value: median(nanoseconds), unit: 'ns', spread: spread(nanoseconds), threads: 1 };
  });
  console.log('what one call costs (checks, output and its release included; bar: under 1,000 ns)');
  printTable(
    ['call', 'ns', '± spread'],
    rows.map((row) => [row.name, short(row.value), percent(row.spread)]),
  );
  return rows;
}

/** @param {number} share */
const percent = (share) => `± ${Math.round(100 * share)} %`;

/** @param {Peer} machine @param {number} threads @param {number} rounds @returns {Promise<Row[]>} */
async function benchProducts(machine, threads, rounds) {
  const peak = (await machine.ask({ measure: 'fma' })).gflops * threads;
  /** @type {Row[]} */
  const rows = [];
  for (const [m, n, k, transA, transB] of products) {
    const a = randn(transA ? [k, m] : [m, k]);
    const b = randn(transB ? [n, k] : [k, n]);
    const work = 2 * m * n * k * 1e-9;
    const ours = [];
    const ratios = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(work / time(() => matmul(a, b, { transposeA: transA, transposeB: transB }).dispose()));
      const plain = await machine.ask({ measure: 'gemm', m, n, k, transA: Number(transA), transB: Number(transB) });
      ratios.push(ours[round] / plain.gflops);
    }
    const name = `${m}×${n}×${k} ${transA ? 'T' : 'N'}${transB ? 'T' : 'N'}`;
    const value = median(ours);
    rows.push({
      name,
      value,
      unit: 'GFLOP/s',
      spread: spread(ours),
      share: value / peak,
      ratio: median(ratios),
      threads,
    });
  }
  console.log(
    `matrix products m×n×k, ${threads} thread${threads > 1 ? 's' : ''}; peak of fused multiply-adds ${short(peak)} GFLOP/s`,
  );
  printTable(
    ['product', 'GFLOP/s', '± spread', 'of peak', 'over OpenBLAS at 1 thread'],
    rows.map((row) => [
      row.name,
      short(row.value),
      percent(row.spread),
      `${Math.round(100 * (row.share ?? 0))} %`,
      `${short(row.ratio)} ×`,
    ]),
  );
  return rows;
}

/** @param {Peer} machine @param {number} threads @param {number} rounds @returns {Promise<Row[]>} */
async function benchBandwidth(machine, threads, rounds) {
  /** @type {Row[]} */
  const rows = [];
  for (const length of lengths) {
    const x = randn([length / 128, 128]);
    const y = randn([length / 128, 128]);
    /** @type {[string, number, () => Tensor][]} name, bytes an element, call */
    const calls = [
      ['add', 12, () => add(x, y)],
      ['relu', 8, () => relu(x)],
      ['exp', 8, () => exp(x)],
      ['tanh', 8, () => tanh(x)],
      ['gelu', 8, () => gelu(x)],
      ['softmax over 128', 8, () => softmax(x, { dim: 1 })],
      ['sum', 4, () => x.sum()],
    ];
    for (const [name, bytes, call] of calls) {
      const ours = [];
      const shares = [];
      for (let round = 0; round < rounds; round++) {
        ours.push((bytes * length * 1e-9) / time(() => call().dispose()));
        const copy = await machine.ask({ measure: 'copy', bytes: 4 * length });
        shares.push(ours[round] / copy.gigabytesPerSecond);
      }
      rows.push({
        name: `${name}, ${length.toLocaleString('en-US')} floats`,
        value: median(ours),
        unit: 'GB/s',
        spread: spread(ours),
        share: median(shares),
        threads,
      });
    }
  }
  console.log(
    `elementwise, softmax and sums, ${threads} thread${threads > 1 ? 's' : ''}; bandwidth against a copy of as many bytes on one thread`,
  );
  printTable(
    ['operation', 'GB/s', '± spread', 'of the copy'],
    rows.map((row) => [row.name, short(row.value), percent(row.spread), `${Math.round(100 * (row.share ?? 0))} %`]),
  );
  return rows;
}

/** All of it. @param {{ threads: number[], quick: boolean }} options @returns {Promise<Row[]>} */
export async function benchOperations({ threads, quick }) {
  manualSeed(1);
  const rounds = quick ? 3 : 7;
  const rows = benchOverhead(quick ? 5 : 25);
  const machine = startMachine();
  if (machine === undefined || (await machine.ready()) !== undefined) {
    console.log('products and bandwidth are left out: they need a C compiler and OpenBLAS to compare with');
    return rows;
  }
  for (const count of threads) {
    setNumThreads(count);
    rows.push(...(await benchProducts(machine, count, rounds)));
    rows.push(...(await benchBandwidth(machine, count, rounds)));
  }
  machine.close();
  return rows;
}

function startMachine() {
  try {
    return new Peer(compile('machine'), [], { OPENBLAS_NUM_THREADS: '1' });
  } catch {
    return undefined;
  }
}
