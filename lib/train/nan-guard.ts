// Finding what made the first NaN.
import { AutogradError } from '../errors.js';
import { checkOptions } from '../options.js';
import type { Callback, StepEvent, Training } from './events.js';

/**
 * A callback that ends a training whose loss or weights are no longer finite, with an error that names the step, the operation
 * and the layers. For that it keeps a copy of the state at each `step` event, and makes the steps since then once more
 * without compilation, checking each result. The model is then as it was before that step.
 *
 * @example
 * const guard = new train.NaNGuard();
 */
export class NaNGuard implements Callback {
  readonly findsNaN = true;

  constructor(options?: Record<never, never>) {
    checkOptions('NaNGuard', options, []);
  }

  /** @throws AutogradError at the first value that is not finite */
  onStep({ step, values }: StepEvent, training: Training): void {
    const bad = Object.entries(values).find(([, value]) => !Number.isFinite(value));
    const weight = bad === undefined ? brokenWeight(training) : undefined;
    if (bad === undefined && weight === undefined) return;
    const what = bad === undefined ? `parameter ${weight} is not finite` : `${bad[0]} is ${bad[1]}`;
    const found = training.findNaN();
    if (found === null) {
      throw new AutogradError(
        `NaNGuard: ${what} after step ${step}, but not when the steps are made again without compilation`,
      );
    }
    const { error: cause } = found;
    const text = `${what} because of step ${found.step}: ${cause.message}; the model is as it was before this step`;
    throw new AutogradError(`NaNGuard: ${text}`, { cause });
  }
}

function brokenWeight(training: Training): string | undefined {
  for (const [name, p] of training.model?.namedParameters() ?? []) {
    if (!Number.isFinite(p.detach().sum().item()) && p.isfinite().min().item() === 0) return name;
  }
  return undefined;
}
