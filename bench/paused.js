// A `train.fit` that goes on for an epoch when it is asked to, so that epochs of several trainings can be timed in turns.
import { train } from 'adjoint';

/**
 * @param {any} model @param {any} options those of `fit`
 * @param {boolean} isHeard whether somebody hears of steps
 */
export function paused(model, options, isHeard = false) {
  const stop = new AbortController();
  let isAsked = false; // the training may begin to wait after it has been asked
  let wake = () => {};
  let ended = () => {};
  const goOn = () => {
    isAsked = true;
    wake();
  };
  const gate = {
    onStart: () => waiting(),
    onEpoch: () => {
      ended();
      return waiting();
    },
    ...(isHeard && { onStep: () => {} }),
  };
  const waiting = async () => {
    if (!isAsked) await /** @type {Promise<void>} */ (new Promise((resolve) => (wake = resolve)));
    isAsked = false;
  };
  const whole = train.fit(model, { ...options, epochs: 1e9, callbacks: [gate], signal: stop.signal });
  return {
    /** An epoch. @returns {Promise<void>} */
    go: () =>
      Promise.race([
        whole.then(() => {}),
        new Promise((resolve) => {
          ended = () => resolve(undefined);
          goOn();
        }),
      ]),
    async close() {
      stop.abort();
      goOn();
      await whole;
    },
  };
}
