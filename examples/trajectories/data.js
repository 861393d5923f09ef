// Cyclists at a crossing, made here, so that it is known what can be foreseen.
import { rand, randn } from 'adjoint';

/** Seconds between two positions, positions that are seen, and those that are to be foreseen. */
export const [interval, seenSteps, futureSteps] = [0.4, 8, 12];

const steps = seenSteps + futureSteps;
const radius = 4;
const routes = /** @type {const} */ (['straight', 'left', 'right']);

/**
 * @typedef {object} Tracks
 * @property {number} count
 * @property {Float32Array} seen [count, seenSteps, 2], metres; all come from the south, the crossing is at (0, 0)
 * @property {Float32Array} future [count, futureSteps, 2]
 * @property {Float32Array} ideal [count, futureSteps, 2] the future without chance: the true route, at the speed that its rider is used to
 */

/**
 * Half of the cyclists go straight on; the others turn left or right and slow down before it, which shows too late for those who are far from the
 * crossing. Speeds wander, nobody keeps to the middle, and positions are measured with an error of 10 cm.
 *
 * @param {number} count
 * @returns {Tracks}
 */
export function cyclists(count) {
  const [seen, future] = [new Float32Array(count * seenSteps * 2), new Float32Array(count * futureSteps * 2)];
  const ideal = new Float32Array(future.length);
  const chances = rand([count, 2]).toTypedArray();
  const noise = randn([count, steps, 4]).toTypedArray();
  for (let i = 0; i < count; i++) {
    const route = routes[chances[2 * i] < 0.5 ? 0 : chances[2 * i] < 0.75 ? 1 : 2];
    const at = (/** @type {number} */ step, /** @type {number} */ k) => noise[(i * steps + step) * 4 + k];
    const cruise = 4 + 0.6 * at(0, 0);
    const aside = 0.4 * at(0, 1);
    let [speed, place] = [cruise, -14 + 13 * chances[2 * i + 1] - cruise * interval * seenSteps];
    let [idealSpeed, idealPlace] = [0, 0];
    for (let step = 0; step < steps; step++) {
      speed += eased(speed, place, cruise, route) + 0.12 * at(step, 0);
      place += speed * interval;
      const [x, y] = onRoute(route, place, aside + 0.08 * at(step, 1));
      if (step < seenSteps) {
        seen.set([x + 0.1 * at(step, 2), y + 0.1 * at(step, 3)], (i * seenSteps + step) * 2);
        [idealSpeed, idealPlace] = [speed, place];
        continue;
      }
      idealSpeed += eased(idealSpeed, idealPlace, cruise, route);
      idealPlace += idealSpeed * interval;
      future.set([x, y], (i * futureSteps + step - seenSteps) * 2);
      ideal.set(onRoute(route, idealPlace, aside), (i * futureSteps + step - seenSteps) * 2);
    }
  }
  return { count, seen, future, ideal };
}

/** How the speed changes in a step: towards the usual one, or a slow one in and before a turn. */
function eased(
  /** @type {number} */ speed,
  /** @type {number} */ place,
  /** @type {number} */ cruise,
  /** @type {string} */ route,
) {
  const isTurning = route !== 'straight' && place > -9 && place < 3;
  return 0.3 * ((isTurning ? 2.4 : cruise) - speed);
}

/**
 * Where one is on a route: `place` metres along it, 0 at the middle of the crossing, and so many metres to the right of it.
 *
 * @param {string} route @param {number} place @param {number} aside
 * @returns {[number, number]}
 */
function onRoute(route, place, aside) {
  if (route === 'straight' || place < -radius) return [aside, place];
  const side = route === 'left' ? -1 : 1;
  const along = place + radius;
  const bend = (Math.PI / 2) * radius;
  const angle = Math.min(along, bend) / radius;
  const rest = Math.max(0, along - bend);
  const reach = radius - side * aside;
  return [side * (radius - reach * Math.cos(angle) + rest), reach * Math.sin(angle) - radius];
}
