// Windows for the analysis of signals.
import { optionsOf, type Positional } from '../arguments.js';
import { isFloat } from '../dtype.js';
import { checkFlag, checkInteger, checkNumber, DTypeError } from '../errors.js';
import { checkDType, type Tensor } from '../tensor.js';
import { finish, generate, type TensorOptions, tensorOptions } from './creation.js';
import { besselOf } from './elementwise-gamma.js';

/** Options of windows. */
export interface SignalWindowOptions extends TensorOptions {
  /** Whether the window is one period of a periodic one, and not symmetric; default true. */
  periodic?: boolean;
}

/** periodic, and then the options. */
export type SignalWindowArguments = Positional<SignalWindowOptions, ['periodic']>;

interface Shaped extends SignalWindowOptions {
  alpha?: number;
  beta?: number;
}

/** Options of `hammingWindow`. */
export interface HammingWindowOptions extends SignalWindowOptions {
  /** Default 0.54. */
  alpha?: number;
  /** Default 0.46. */
  beta?: number;
}

/** Options of `kaiserWindow`. */
export interface KaiserWindowOptions extends SignalWindowOptions {
  /** How narrow the window is; default 12. */
  beta?: number;
}

// `make` gives the function of the place in the window, from 0 to 1.
function windowOf(
  name: string,
  windowLength: number,
  args: readonly unknown[],
  shape: readonly string[],
  make: (options: Partial<Shaped>) => (t: number) => number,
): Tensor {
  const n = checkInteger(name, 'windowLength', windowLength, 0, 2 ** 31 - 1);
  const options = optionsOf<Shaped>(name, args, ['periodic', ...shape], tensorOptions);
  const periodic = checkFlag(name, 'periodic', options.periodic, true);
  const dtype = checkDType(name, options.dtype, 'float32');
  if (!isFloat(dtype)) throw new DTypeError(`${name}: dtype must be float32 or float64, got ${dtype}`);
  const at = make(options);
  const last = periodic ? n : n - 1;
  return finish(
    generate([n], dtype, (i) => (n === 1 ? 1 : at(i / last))),
    options,
  );
}

const turn = 2 * Math.PI;

/**
 * The Hann window: sin²(πt), where t goes from 0 to 1.
 *
 * @param args periodic (default true), then { dtype, requiresGrad }
 * @example
 * hannWindow(4); // [0, 0.5, 1, 0.5]
 */
export function hannWindow(windowLength: number, ...args: SignalWindowArguments): Tensor {
  return windowOf('hannWindow', windowLength, args, [], () => (t) => 0.5 - 0.5 * Math.cos(turn * t));
}

/**
 * The Hamming window: alpha - beta · cos(2πt), where t goes from 0 to 1.
 *
 * @param args periodic (default true), alpha (default 0.54), beta (default 0.46), then { dtype, requiresGrad }
 * @example
 * hammingWindow(2); // [0.08, 1]
 */
export function hammingWindow(
  windowLength: number,
  ...args: Positional<HammingWindowOptions, ['periodic', 'alpha', 'beta']>
): Tensor {
  return windowOf('hammingWindow', windowLength, args, ['alpha', 'beta'], (o) => {
    const alpha = checkNumber('hammingWindow', 'alpha', o.alpha ?? 0.54);
    const beta = checkNumber('hammingWindow', 'beta', o.beta ?? 0.46);
    return (t) => alpha - beta * Math.cos(turn * t);
  });
}

/**
 * The Blackman window: 0.42 - 0.5 · cos(2πt) + 0.08 · cos(4πt), where t goes from 0 to 1.
 *
 * @param args periodic (default true), then { dtype, requiresGrad }
 * @example
 * blackmanWindow(2); // [0, 1]
 */
export function blackmanWindow(windowLength: number, ...args: SignalWindowArguments): Tensor {
  const at = (t: number): number => 0.42 - 0.5 * Math.cos(turn * t) + 0.08 * Math.cos(2 * turn * t);
  return windowOf('blackmanWindow', windowLength, args, [], () => at);
}

/**
 * The Bartlett window, a triangle: 1 - |2t - 1|, where t goes from 0 to 1.
 *
 * @param args periodic (default true), then { dtype, requiresGrad }
 * @example
 * bartlettWindow(4); // [0, 0.5, 1, 0.5]
 */
export function bartlettWindow(windowLength: number, ...args: SignalWindowArguments): Tensor {
  return windowOf('bartlettWindow', windowLength, args, [], () => (t) => 1 - Math.abs(2 * t - 1));
}

/**
 * The Kaiser window: I₀(beta · √(1 - (2t - 1)²)) / I₀(beta), where t goes from 0 to 1.
 *
 * @param args periodic (default true), beta (default 12, at most 30 in size), then { dtype, requiresGrad }
 * @example
 * kaiserWindow(3, false, 0); // [1, 1, 1]
 */
export function kaiserWindow(
  windowLength: number,
  ...args: Positional<KaiserWindowOptions, ['periodic', 'beta']>
): Tensor {
  return windowOf('kaiserWindow', windowLength, args, ['beta'], (o) => {
    const beta = checkNumber('kaiserWindow', 'beta', o.beta ?? 12, { min: -30, max: 30 });
    const most = besselOf(beta);
    return (t) => besselOf(beta * Math.sqrt(Math.max(1 - (2 * t - 1) ** 2, 0))) / most;
  });
}
