import { type ClassicOptions, limitOf } from './classic-options.js';
import { Environment, type Transition } from './environment.js';
import { type Random, uniform } from './random.js';
import { boxOf } from './spaces.js';

const gravity = 9.8;
const poleMass = 0.1;
const totalMass = 1.1;
const halfLength = 0.5;
const force = 10;
const seconds = 0.02;
const farthest = 2.4;
const steepest = (12 * 2 * Math.PI) / 360;

/**
 * A pole on a cart that must not fall: Gymnasium's `CartPole-v1`, its dynamics to the last digits. The state is
 * [x, ẋ, θ, θ̇]; action 0 pushes to the left, 1 to the right; each step gives 1. It ends when |x| > 2.4 or |θ| > 12°, and is cut
 * after 500 steps.
 *
 * Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning control problems", 1983,
 * https://doi.org/10.1109/TSMC.1983.6313077
 *
 * @example
 * const pole = new rl.CartPole();
 * pole.reset({ seed: 1 });
 * pole.step(1).reward; // 1
 */
export class CartPole extends Environment {
  /** @param options maxSteps: after how many steps an episode is cut, default 500 */
  constructor(options?: ClassicOptions) {
    const unbounded = Number.POSITIVE_INFINITY;
    super({
      observationSpace: boxOf(2 * farthest, unbounded, 2 * steepest, unbounded),
      actionSpace: { kind: 'discrete', n: 2 },
      maxSteps: limitOf('CartPole', options, 500),
    });
  }

  protected start(random: Random): number[] {
    return [0, 0, 0, 0].map(() => uniform(random, -0.05, 0.05));
  }

  protected transition(state: readonly number[], action: number): Transition {
    const [x, speed, angle, turning] = state as [number, number, number, number];
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const push = action === 1 ? force : -force;
    const pull = (push + poleMass * halfLength * turning * turning * sin) / totalMass;
    const bend = (gravity * sin - cos * pull) / (halfLength * (4 / 3 - (poleMass * cos * cos) / totalMass));
    const acceleration = pull - (poleMass * halfLength * bend * cos) / totalMass;
    const next = [
      x + seconds * speed,
      speed + seconds * acceleration,
      angle + seconds * turning,
      turning + seconds * bend,
    ];
    const terminated = Math.abs(next[0] as number) > farthest || Math.abs(next[2] as number) > steepest;
    return { state: next, reward: 1, terminated };
  }
}
