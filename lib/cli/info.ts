import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import {
  buildInfo,
  compile,
  getNumThreads,
  manualSeed,
  nn,
  noGrad,
  optim,
  randint,
  randn,
  type Tensor,
} from '../index.js';
import { type Command, UsageError } from './arguments.js';
import { print, printJson, printPairs, short } from './output.js';

/** Of this package; the program is dist/cli.js. */
export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const infoCommand: Command = {
  summary: 'Shows the machine, the build and the threads.',
  positionals: [],
  options: { json: { about: 'JSON' } },
  more: '',
  run(given) {
    const machine = {
      adjoint: version,
      node: process.version,
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memory: totalmem(),
    };
    const info = { ...machine, ...buildInfo(), threads: getNumThreads() };
    if (given.flag('json')) printJson(info);
    else
      printPairs(
        Object.entries(info).map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : value]),
      );
  },
};

export const benchCommand: Command = {
  summary: 'Measures this machine: steps of training and predictions a second of a network 784-128-10.',
  positionals: [],
  options: { seconds: { value: '<n>', about: 'for each measurement; default 2' }, json: { about: 'JSON' } },
  more: '',
  async run(given) {
    const seconds = given.integer('seconds', 1, 600) ?? 2;
    manualSeed(1);
    const model = nn.sequential(new nn.Linear(784, 128), nn.functional.relu, new nn.Linear(128, 10));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
    const step = compile((x: Tensor, y: Tensor) => {
      const loss = nn.functional.crossEntropy(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const predict = compile((x: Tensor) => noGrad(() => model.forward(x)));
    const [x, y] = [randn([64, 784]), randint(0, 10, [64])];
    const row = randn([1, 784]);
    const rates = {
      threads: getNumThreads(),
      'training steps a second, batch 64': perSecond(seconds, () => step.sync(x, y)),
      'predictions a second, one row each': perSecond(seconds, () => predict.sync(row)),
    };
    if (given.flag('json')) printJson(rates);
    else printPairs(Object.entries(rates).map(([name, rate]) => [name, short(Math.round(rate))]));
  },
};

function perSecond(seconds: number, once: () => unknown): number {
  for (let i = 0; i < 20; i++) once();
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < 1000 * seconds) {
    once();
    count++;
  }
  return (1000 * count) / (performance.now() - began);
}

export const tensorboardCommand: Command = {
  summary: 'Starts TensorBoard on a folder of runs.',
  positionals: ['<folder>'],
  options: { port: { value: '<n>', about: 'default 6006' } },
  more: 'TensorBoard is a Python program: pip install tensorboard.',
  async run(given) {
    const [folder] = given.positionals as [string];
    if (!existsSync(folder)) throw new Error(`tensorboard: there is no folder ${JSON.stringify(folder)}`);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    if (!files.some((file) => file.includes('tfevents'))) {
      throw new Error(`tensorboard: ${JSON.stringify(folder)} must hold event files (…tfevents…), got none`);
    }
    const port = given.integer('port', 1, 65_535) ?? 6006;
    const child = spawn('tensorboard', ['--logdir', folder, '--port', String(port)], { stdio: 'inherit' });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      throw new UsageError('tensorboard needs TensorBoard on the PATH: pip install tensorboard');
    });
    if (code !== 0 && code !== null) throw new Error(`tensorboard: it ended with code ${code}`);
    print('');
  },
};
