// A process on Windows ends as it should, many times over, while native threads compute.
import { join } from 'node:path';
import { endings } from '../../test/fixtures/children.mjs';
import { runChecks } from '../checks.mjs';
import { windowsNode } from './system.mjs';

const times = 20;
const fixtures = join('test', 'fixtures', 'endings.mjs');

/** What Node.js for Windows ends with after process.abort(). */
const aborted = 134;
const abort = `
import { Worker } from 'node:worker_threads';
import { makeStep } from './test/fixtures/digits.mjs';
const step = makeStep(1);
setTimeout(() => process.abort(), Math.random() * 60);
const run = () => { step(); setImmediate(run); };
run();`;

const ways = {
  'a process that exits while workers compute': 'the main thread exits while workers train',
  'a worker that is terminated while others compute': 'four workers train, one is terminated half way',
};

export async function checkEnds(version) {
  const repeat = async (args, { code, output = '' }) => {
    for (let i = 0; i < times; i++) {
      const ended = await windowsNode(version, args, { cwd: 'project' });
      const last = ended.output.trim().split('\n').at(-1);
      if (ended.timedOut) throw new Error(`run ${i} hangs\n${ended.output}`);
      if (ended.code !== code || (output !== '' && last !== output)) {
        throw new Error(`run ${i} ended with ${ended.code}, not ${code}\n${ended.output}`);
      }
    }
    return `${times} times`;
  };
  const checks = {};
  for (const [name, way] of Object.entries(ways)) checks[name] = () => repeat([fixtures, way], endings[way]);
  checks['a process that aborts while it computes'] = () =>
    repeat(['--input-type=module', '-e', abort], { code: aborted });
  return runChecks(Object.entries(checks));
}
