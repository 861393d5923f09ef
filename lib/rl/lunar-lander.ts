import { type ClassicOptions, limitOf } from './classic-options.js';
import { Environment, type Transition } from './environment.js';
import { type Random, uniform } from './random.js';
import type { BoxSpace } from './spaces.js';

/** Place, speed, tilt and its speed, which legs stand, how many steps it has stood still, and its score of place. */
interface Body {
  x: number;
  y: number;
  vx: number;
  vy: number;
  angle: number;
  turning: number;
  left: number;
  right: number;
  still: number;
  potential: number;
}

const keys = ['x', 'y', 'vx', 'vy', 'angle', 'turning', 'left', 'right', 'still', 'potential'] as const;
const seconds = 0.02;
const parts = 10; // of a step, because springs are stiff
const gravity = 10;
const mainPower = 18;
const sidePower = 1;
const sideTurn = 3;
const inertia = 0.5; // of a body of mass 1
const feet = [-0.7, 0.7] as const;
const legLength = 0.6;
const [spring, damping, friction] = [150, 4, 8];
const [width, height] = [10, 20 / 3];

const pack = (body: Body): number[] => keys.map((key) => body[key]);
const unpack = (state: readonly number[]): Body =>
  Object.fromEntries(keys.map((key, i) => [key, state[i]])) as unknown as Body;

/** What Gymnasium's `LunarLander-v3` shows: all in parts of the picture's size and of what is usual. */
const shown = ({ x, y, vx, vy, angle, turning, left, right }: Body): number[] => [
  ...[x / width, y / height, (vx * width) / 50, (vy * height) / 50, angle, 0.4 * turning, left, right],
];

const potentialOf = (body: Body): number => {
  const [x, y, vx, vy, angle, , left, right] = shown(body) as [number, number, number, number, number, number, number, number]; // biome-ignore format: one line
  return -100 * (Math.hypot(x, y) + Math.hypot(vx, vy) + Math.abs(angle)) + 10 * (left + right);
};

/** Moves for a part of a step; legs that touch the ground are springs. */
function move(body: Body, thrust: number, side: number): void {
  const time = seconds / parts;
  const [cos, sin] = [Math.cos(body.angle), Math.sin(body.angle)];
  let [fx, fy, torque] = [-thrust * sin - side * cos * sidePower, thrust * cos - side * sin * sidePower - gravity, -side * sideTurn]; // biome-ignore format: one line
  for (const [i, foot] of feet.entries()) {
    // The foot, from the centre.
    const [rx, ry] = [foot * cos + legLength * sin, foot * sin - legLength * cos];
    const depth = -(body.y + legLength + ry);
    body[i === 0 ? 'left' : 'right'] = depth > 0 ? 1 : 0;
    if (depth <= 0) continue;
    const [vx, vy] = [body.vx - body.turning * ry, body.vy + body.turning * rx];
    const push = Math.max(0, spring * depth - damping * vy);
    const rub = -friction * vx;
    fx += rub;
    fy += push;
    torque += (rx * push - ry * rub) / inertia;
  }
  body.vx += time * fx;
  body.vy += time * fy;
  body.turning += time * torque;
  body.x += time * body.vx;
  body.y += time * body.vy;
  body.angle += time * body.turning;
}

/** Whether the body itself, between its legs, touches the ground. */
const isCrushed = ({ y, angle }: Body): boolean =>
  [-0.5, 0.5].some((corner) => y + legLength + corner * Math.sin(angle) - 0.4 * Math.cos(angle) < 0);

/**
 * A craft that shall come down between two flags and stand: what is seen, the actions and the rewards are those of Gymnasium's
 * `LunarLander-v3`, but the physics is not Box2D's: one rigid body whose legs are springs, over flat ground. Actions: 0 nothing,
 * 1 the left engine, 2 the main one, 3 the right one. A step gives the change of −100 (distance + speed + |tilt|) + 10 for each
 * leg that stands, less 0.3 for the main engine and 0.03 for the others; standing still gives 100, a crash or flying off −100. Above
 * 200 it counts as solved, in Gymnasium. It is cut after 1000 steps.
 *
 * @example
 * const lander = new rl.LunarLander();
 * lander.reset({ seed: 1 });
 * lander.step(2).terminated; // false
 */
export class LunarLander extends Environment {
  /** @param options maxSteps: after how many steps an episode is cut, default 1000 */
  constructor(options?: ClassicOptions) {
    const limits = [2.5, 2.5, 10, 10, 2 * Math.PI, 10];
    const observationSpace: BoxSpace = {
      kind: 'box',
      shape: [8],
      low: [...limits.map((limit) => -limit), 0, 0],
      high: [...limits, 1, 1],
    };
    const maxSteps = limitOf('LunarLander', options, 1000);
    super({ observationSpace, actionSpace: { kind: 'discrete', n: 4 }, maxSteps });
  }

  protected start(random: Random): number[] {
    const body = unpack(keys.map(() => 0));
    body.y = 1.4 * height;
    body.vx = uniform(random, -4, 4);
    body.vy = uniform(random, -3, 1);
    body.angle = uniform(random, -0.1, 0.1);
    body.turning = uniform(random, -0.2, 0.2);
    body.potential = potentialOf(body);
    return pack(body);
  }

  protected transition(state: readonly number[], action: number): Transition {
    const body = unpack(state);
    const side = action === 1 ? -1 : action === 3 ? 1 : 0;
    for (let part = 0; part < parts; part++) move(body, action === 2 ? mainPower : 0, side);
    const before = body.potential;
    body.potential = potentialOf(body);
    const isStill =
      body.left + body.right === 2 && Math.hypot(body.vx, body.vy) < 0.05 && Math.abs(body.turning) < 0.05;
    body.still = isStill ? body.still + 1 : 0;
    const isLost = isCrushed(body) || Math.abs(body.x) >= width;
    const isLanded = body.still >= 10;
    const fuel = action === 2 ? 0.3 : action === 0 ? 0 : 0.03;
    const reward = isLost ? -100 : isLanded ? 100 : body.potential - before - fuel;
    return { state: pack(body), reward, terminated: isLost || isLanded };
  }

  protected override observe(state: readonly number[]): number[] {
    return shown(unpack(state));
  }
}
