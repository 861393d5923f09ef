// Before and after tests whose files share a process: each begins with the same random numbers, and leaves nothing changed.
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { currentWatch } from '../../lib/autograd/anomaly.js';
import { currentRecording, currentScope, isGradEnabled } from '../../lib/context.js';
import { distributions, getNumThreads, manualSeed, memoryStats } from '../../lib/index.js';

const listeners = () =>
  Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));

const ofTests = () => ({
  gradients: isGradEnabled(),
  scope: currentScope(),
  recording: currentRecording(),
  watch: currentWatch(),
});
const ofFiles = () => ({
  ...{ threads: getNumThreads(), memoryLimit: memoryStats().limitBytes },
  ...{ validatesArguments: new distributions.Normal(0, 1).validated },
  ...{ folder: process.cwd(), environment: { ...process.env }, listeners: listeners() },
});

let beforeTest: unknown;
let beforeFile: unknown;
beforeAll(() => {
  manualSeed(0);
  beforeFile = ofFiles();
});
beforeEach(() => {
  beforeTest = ofTests();
});
afterEach(() => {
  expect(ofTests(), 'what a test leaves changed').toEqual(beforeTest);
});
afterAll(() => {
  expect(ofFiles(), 'what a file of tests leaves changed').toEqual(beforeFile);
});
