import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// What the tests' processes, and not vitest's own, shall have loaded before Node.js: scripts/sanitize.mjs.
const { ADJOINT_PRELOAD } = process.env;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks', // a native addon under test: each file gets a process of its own
    maxWorkers: availableParallelism(), // by default one less: half of a machine of two cores
    env: ADJOINT_PRELOAD ? { LD_PRELOAD: ADJOINT_PRELOAD } : {},
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 5_000,
    reporters: 'default',
  },
});
