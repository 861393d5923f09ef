import { currentWatch, running, type Watch, watched } from '../autograd/anomaly.js';
import type { Node } from '../autograd/tape.js';
import { isRecording } from '../context.js';
import { isFloat } from '../dtype.js';
import { AutogradError, formatShape, StateError } from '../errors.js';
import { checkSynchronous } from '../memory.js';
import type { Tensor } from '../tensor.js';

const firstNaN = (t: Tensor): number => (isFloat(t.dtype) ? t.toTypedArray().findIndex(Number.isNaN) : -1);

/** The names of the modules that made each node, outermost first. */
type Layers = WeakMap<Node, string>;

function watchFor(layers: Layers): Watch {
  return {
    made(name, y, inputs) {
      const here = running.map((module) => module.constructor.name).join(' > ');
      if (y._node !== null && here !== '') layers.set(y._node, here);
      const at = firstNaN(y);
      if (at < 0) return;
      const given = inputs.findIndex((x) => firstNaN(x) >= 0);
      const cause = given < 0 ? 'its inputs have none' : `input ${given} has one already`;
      throw new AutogradError(`detectAnomaly: ${name} ${formatShape(y.dims)} gave NaN (element ${at}); ${cause}`);
    },
    returned(node, dy, gradients) {
      gradients.forEach((gradient, i) => {
        const at = gradient === null ? -1 : firstNaN(gradient);
        if (at < 0) return;
        const cause = firstNaN(dy) < 0 ? 'its upstream gradient has none' : 'its upstream gradient has one already';
        const where = layers.get(node);
        throw new AutogradError(
          `detectAnomaly: the gradient of ${node.name} ${formatShape(node.dims)} for input ${i} is NaN (element ${at}); ${cause}${where === undefined ? '' : `; the operation ran in ${where}`}`,
        );
      });
    },
  };
}

/**
 * Runs `fn` and checks each result and each gradient for NaN. The first is an error that names the operation, and the layers
 * that ran it: to find where a training breaks. It reads every value, so that it is many times slower.
 *
 * @param fn a step, with its backward pass
 * @returns what `fn` returns
 * @throws AutogradError at the first NaN; StateError while a step is recorded, or for an async function
 * @example
 * const x = tensor([4, 1], { requiresGrad: true });
 * autograd.detectAnomaly(() => x.sqrt().sum().backward());
 */
export function detectAnomaly<T>(fn: () => T): T {
  checkSynchronous('detectAnomaly', fn);
  if (isRecording()) {
    throw new StateError('detectAnomaly: reads values, which a recorded step has not yet; use it without compile');
  }
  if (currentWatch() !== null) return fn();
  return watched(watchFor(new WeakMap()), fn);
}
