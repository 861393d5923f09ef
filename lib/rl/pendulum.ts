import { type ClassicOptions, limitOf } from './classic-options.js';
import { Environment, type Transition } from './environment.js';
import { type Random, uniform } from './random.js';
import { boxOf } from './spaces.js';

const fastest = 8;
const strongest = 2;
const seconds = 0.05;
const gravity = 10;

/** An angle in [-π, π). */
const normalised = (angle: number): number => {
  const turn = 2 * Math.PI;
  const rest = (angle + Math.PI) % turn;
  return (rest < 0 ? rest + turn : rest) - Math.PI;
};

/**
 * A pendulum to be swung up and held: Gymnasium's `Pendulum-v1`, its dynamics to the last digits. The state is [θ, θ̇], 0 upright;
 * what is seen [cos θ, sin θ, θ̇]; the action a torque u in [−2, 2]; each step costs θ² + 0.1 θ̇² + 0.001 u². It never ends, and is
 * cut after 200 steps.
 *
 * @example
 * const pendulum = new rl.Pendulum();
 * pendulum.reset({ state: [0, 0] });
 * pendulum.step([0]).reward; // -0
 */
export class Pendulum extends Environment {
  /** @param options maxSteps: after how many steps an episode is cut, default 200 */
  constructor(options?: ClassicOptions) {
    super({
      observationSpace: boxOf(1, 1, fastest),
      actionSpace: boxOf(strongest),
      maxSteps: limitOf('Pendulum', options, 200),
    });
  }

  protected start(random: Random): number[] {
    return [uniform(random, -Math.PI, Math.PI), uniform(random, -1, 1)];
  }

  protected transition(state: readonly number[], action: number[]): Transition {
    const [angle, turning] = state as [number, number];
    const [torque = 0] = action;
    const cost = normalised(angle) ** 2 + 0.1 * turning ** 2 + 0.001 * torque ** 2;
    const pulled = turning + (((3 * gravity) / 2) * Math.sin(angle) + 3 * torque) * seconds;
    const next = Math.min(Math.max(pulled, -fastest), fastest);
    return { state: [angle + next * seconds, next], reward: -cost, terminated: false };
  }

  protected override observe(state: readonly number[]): number[] {
    const [angle, turning] = state as [number, number];
    return [Math.cos(angle), Math.sin(angle), turning];
  }
}
