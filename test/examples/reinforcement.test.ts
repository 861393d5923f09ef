// Each agent learns for a few seconds, and does much better than one that tries anything.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import * as a2c from '../../examples/reinforcement/a2c.js';
import * as acrobot from '../../examples/reinforcement/acrobot.js';
import * as connectFour from '../../examples/reinforcement/connect-four.js';
import * as dqn from '../../examples/reinforcement/dqn.js';
import * as lander from '../../examples/reinforcement/lander.js';
import * as mountainCar from '../../examples/reinforcement/mountain-car.js';
import * as ppo from '../../examples/reinforcement/ppo.js';
import * as reinforce from '../../examples/reinforcement/reinforce.js';
import * as sac from '../../examples/reinforcement/sac.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-reinforcement-'));
afterAll(() => rmSync(output, { recursive: true }));

/** By how much a short training shall beat a random policy. */
const agents = {
  ppo: [ppo, 60],
  a2c: [a2c, 60],
  reinforce: [reinforce, 60],
  dqn: [dqn, 30],
  sac: [sac, 500],
  acrobot: [acrobot, 300],
  'mountain-car': [mountainCar, 60],
  lander: [lander, 100],
  'connect-four': [connectFour, 0.4],
} as const;

test.each(Object.entries(agents))('%s', { timeout: 120_000 }, async (name, [example, gain]) => {
  const { run, small } = example as typeof ppo;
  const { reached, random } = await run({ ...small, output, stream: { write: () => true } });
  expect(reached).toBeGreaterThan(random + gain);
  expect(readFileSync(join(output, `${name}.svg`), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});
