import type { Slot } from '../program/slot-guard.js';
import { Tensor } from '../tensor.js';
import { forEachEntry, isContainer, isModule } from './places.js';
import { roleOf } from './roles.js';

interface Level {
  holder: object;
  above: Level | null;
  /** Whether there is a layer in it, at any depth. */
  counts: boolean;
}

const isLayer = (value: object): boolean => (value instanceof Tensor ? roleOf(value) !== undefined : isModule(value));

/**
 * The places on a module that matter to a recorded step: those of parameters, buffers, modules and functions, of
 * containers that have layers, and those that hold null.
 */
export function slotsOf(module: object): Slot[] {
  const levels: Level[] = [{ holder: module, above: null, counts: true }];
  const seen = new Map<object, Level>();
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i] as Level;
    forEachEntry(level.holder, (_, value) => {
      if (value === null || typeof value !== 'object') return;
      if (isLayer(value)) {
        for (let l: Level | null = level; l !== null && !l.counts; l = l.above) l.counts = true;
      } else if (!seen.has(value) && !ArrayBuffer.isView(value) && isContainer(value)) {
        const next = { holder: value, above: level, counts: false };
        seen.set(value, next);
        levels.push(next);
      }
    });
  }
  const slots: Slot[] = [];
  for (const { holder, counts } of levels) {
    if (!counts) continue;
    forEachEntry(holder, (key, value) => {
      const isEmpty = value === null || value === undefined;
      const isPart = typeof value === 'object' && value !== null && (isLayer(value) || seen.get(value)?.counts);
      if (isEmpty || isPart || typeof value === 'function') slots.push({ holder, key, value });
    });
  }
  return slots;
}
