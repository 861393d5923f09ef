import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { oneModule } from './test/support/one-module.js';

// What the tests' processes, and not vitest's own, shall have loaded before Node.js: scripts/sanitize.mjs.
const { ADJOINT_PRELOAD } = process.env;

// Folders whose tests need no process of their own: they compute, and leave nothing changed, which
// test/support/shared-process.ts checks.
const folders =
  'autograd|charts|compress|data|distributions|explain|func|io|metrics|models|nn|ops|optim|privacy|rl|robust|tensor';
// Files there that replace modules of Node.js, limit memory, count what is in it, or collect all garbage again and again.
const special = [
  ...['data/idx', 'io/saving', 'io/damaged-safetensors', 'ops/conv-algorithms', 'ops/random', 'tensor/tensor'],
  ...['autograd/checkpoint', 'nn/clone', 'nn/conversion', 'nn/failed-forward', 'nn/lora', 'optim/failed-updates'],
  'rl/vector-environment', // threads
].map((name) => `test/${name}.test.ts`);

const plugins = [oneModule()];
const maxWorkers = availableParallelism(); // by default one less: half of a machine of two cores
const common = {
  pool: 'forks' as const, // a native addon under test
  maxWorkers,
  env: ADJOINT_PRELOAD ? { LD_PRELOAD: ADJOINT_PRELOAD } : {},
  setupFiles: ['test/support/equality.ts'],
  testTimeout: 30_000,
  hookTimeout: 30_000,
};
// Beside as many processes as there are cores, a step of low priority takes ten to thirty times as long as alone.
const env = { ...common.env, ADJOINT_PRIORITY: 'normal' };
const alone = { name: 'alone', include: [`test/!(${folders}|examples)/**/*.test.ts`, ...special] };
// Small trainings: two at a time on two cores, a second thread in each would only make them wait.
const examples = {
  name: 'examples',
  include: ['test/examples/**/*.test.ts'],
  env: { ...env, ADJOINT_NUM_THREADS: '1' },
};
const together = {
  name: 'together',
  include: [`test/@(${folders})/**/*.test.ts`],
  exclude: special,
  isolate: false,
  env,
  setupFiles: [...common.setupFiles, 'test/support/shared-process.ts'],
};

export default defineConfig({
  test: {
    maxWorkers,
    teardownTimeout: 5_000,
    reporters: 'default',
    // They run in the order of their names: the short files come last, so that no core waits long at the end.
    projects: [alone, examples, together].map((own) => ({ plugins, test: { ...common, ...own } })),
  },
});
