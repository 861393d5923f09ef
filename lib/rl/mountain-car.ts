import { type ClassicOptions, limitOf } from './classic-options.js';
import { Environment, type Transition } from './environment.js';
import { type Random, uniform } from './random.js';

const [least, most] = [-1.2, 0.6];
const fastest = 0.07;
const goal = 0.5;
const clip = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/**
 * A car too weak for the hill before it, which must swing up: Gymnasium's `MountainCar-v0`, its dynamics to the last digits. The
 * state is [position, velocity]; action 0 pushes to the left, 1 not, 2 to the right; each step costs 1. It ends at position
 * 0.5, and is cut after 200 steps.
 *
 * Moore, "Efficient memory-based learning for robot control", 1990, https://www.cl.cam.ac.uk/techreports/UCAM-CL-TR-209.pdf
 *
 * @example
 * const car = new rl.MountainCar();
 * car.reset({ seed: 1 });
 * car.step(2).reward; // -1
 */
export class MountainCar extends Environment {
  /** @param options maxSteps: after how many steps an episode is cut, default 200 */
  constructor(options?: ClassicOptions) {
    super({
      observationSpace: { kind: 'box', shape: [2], low: [least, -fastest], high: [most, fastest] },
      actionSpace: { kind: 'discrete', n: 3 },
      maxSteps: limitOf('MountainCar', options, 200),
    });
  }

  protected start(random: Random): number[] {
    return [uniform(random, -0.6, -0.4), 0];
  }

  protected transition(state: readonly number[], action: number): Transition {
    const [position, velocity] = state as [number, number];
    let speed = clip(velocity + (action - 1) * 0.001 - 0.0025 * Math.cos(3 * position), -fastest, fastest);
    const place = clip(position + speed, least, most);
    if (place === least && speed < 0) speed = 0; // a wall
    return { state: [place, speed], reward: -1, terminated: place >= goal && speed >= 0 };
  }
}
