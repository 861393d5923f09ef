import { type ClassicOptions, limitOf } from './classic-options.js';
import { Environment, type Transition } from './environment.js';
import { type Random, uniform } from './random.js';
import { boxOf } from './spaces.js';

type Angles = readonly [first: number, second: number, firstSpeed: number, secondSpeed: number];

const seconds = 0.2;
const gravity = 9.8;
const [fastest, fastestSecond] = [4 * Math.PI, 9 * Math.PI];
const { cos, sin, PI } = Math;

const wrapped = (angle: number): number => {
  let inside = angle;
  while (inside > PI) inside -= 2 * PI;
  while (inside < -PI) inside += 2 * PI;
  return inside;
};

/** The derivative of the state; links of length 1, mass 1 and moment 1, with their centres in the middle. */
function derivative([first, second, v1, v2]: Angles, torque: number): Angles {
  const d1 = 0.25 + (1 + 0.25 + cos(second)) + 2;
  const d2 = 0.25 + 0.5 * cos(second) + 1;
  const phi2 = 0.5 * gravity * cos(first + second - PI / 2);
  const phi1 = -0.5 * v2 * v2 * sin(second) - v2 * v1 * sin(second) + 1.5 * gravity * cos(first - PI / 2) + phi2;
  const a2 = (torque + (d2 / d1) * phi1 - 0.5 * v1 * v1 * sin(second) - phi2) / (0.25 + 1 - (d2 * d2) / d1);
  return [v1, v2, -(d2 * a2 + phi1) / d1, a2];
}

const moved = (state: Angles, slope: Angles, time: number): Angles =>
  [0, 1, 2, 3].map((i) => (state[i] as number) + time * (slope[i] as number)) as unknown as Angles;

/**
 * Two hanging links, driven at the joint between them, whose end shall rise above a line: Gymnasium's `Acrobot-v1`, its dynamics
 * to the last digits. The state is [θ₁, θ₂, θ̇₁, θ̇₂]; what is seen the cosines and sines of the angles, then both speeds; actions
 * 0, 1 and 2 are torques of −1, 0 and 1; each step costs 1, the last one nothing. It ends when −cos θ₁ − cos(θ₁ + θ₂) > 1, and
 * is cut after 500 steps.
 *
 * Sutton, "Generalization in reinforcement learning: successful examples using sparse coarse coding", 1996,
 * https://papers.nips.cc/paper/1109-generalization-in-reinforcement-learning-successful-examples-using-sparse-coarse-coding
 *
 * @example
 * const links = new rl.Acrobot();
 * links.reset({ seed: 1 });
 * links.step(2).reward; // -1
 */
export class Acrobot extends Environment {
  /** @param options maxSteps: after how many steps an episode is cut, default 500 */
  constructor(options?: ClassicOptions) {
    super({
      observationSpace: boxOf(1, 1, 1, 1, fastest, fastestSecond),
      actionSpace: { kind: 'discrete', n: 3 },
      maxSteps: limitOf('Acrobot', options, 500),
    });
  }

  protected start(random: Random): number[] {
    return [0, 0, 0, 0].map(() => Math.fround(uniform(random, -0.1, 0.1)));
  }

  protected transition(state: readonly number[], action: number): Transition {
    const now = state as unknown as Angles;
    const torque = action - 1;
    // Runge and Kutta's fourth order.
    const k1 = derivative(now, torque);
    const k2 = derivative(moved(now, k1, seconds / 2), torque);
    const k3 = derivative(moved(now, k2, seconds / 2), torque);
    const k4 = derivative(moved(now, k3, seconds), torque);
    const [first, second, v1, v2] = [0, 1, 2, 3].map((i) => {
      const [a, b, c, d] = [k1[i], k2[i], k3[i], k4[i]] as [number, number, number, number];
      return (now[i] as number) + (seconds / 6) * (a + 2 * b + 2 * c + d);
    }) as [number, number, number, number];
    const next = [
      wrapped(first),
      wrapped(second),
      Math.min(Math.max(v1, -fastest), fastest),
      Math.min(Math.max(v2, -fastestSecond), fastestSecond),
    ] as const;
    const terminated = -cos(next[0]) - cos(next[1] + next[0]) > 1;
    return { state: next, reward: terminated ? 0 : -1, terminated };
  }

  protected override observe(state: readonly number[]): number[] {
    const [first, second, v1, v2] = state as unknown as Angles;
    return [cos(first), sin(first), cos(second), sin(second), v1, v2];
  }
}
