import { enableGrad, noGrad } from '../autograd/tape.js';
import {
  ArgumentError,
  AutogradError,
  checkFunction,
  checkInteger,
  checkNumber,
  describe,
  formatShape,
} from '../errors.js';
import { native } from '../native.js';
import { tensor } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { grad, oneOrMore } from './engine.js';

export interface GradcheckOptions {
  /** Step of the central difference; default 1e-6. */
  eps?: number;
  /** Tolerance relative to the numerical gradient; default 1e-5. */
  rtol?: number;
  /** Absolute tolerance; default 1e-7. */
  atol?: number;
}

const defaults = { eps: 1e-6, rtol: 1e-5, atol: 1e-7 };

type Outputs = Tensor | readonly Tensor[];

const resultsOf = (operation: string, value: unknown): readonly Tensor[] =>
  oneOrMore(operation, 'the result of f', value);

function checkInputs(operation: string, f: unknown, inputs: readonly Tensor[]): void {
  checkFunction(operation, 'f', f);
  if (!Array.isArray(inputs)) {
    throw new ArgumentError(`${operation}: inputs must be an array of tensors, got ${describe(inputs)}`);
  }
  for (const x of inputs) {
    checkTensor(operation, 'each input', x);
    if (x._requiresGrad && x.dtype !== 'float64') {
      throw new ArgumentError(
        `${operation}: inputs with requiresGrad must be float64 (float32 is too coarse), got ${x.dtype}; use to('float64')`,
      );
    }
  }
}

function checkWanted(operation: string, inputs: readonly Tensor[]): void {
  if (inputs.some((x) => x._requiresGrad)) return;
  throw new ArgumentError(`${operation}: at least one input must have requiresGrad`);
}

/**
 * The gradient of Σᵢ ⟨gradientᵢ, f(…inputs)ᵢ⟩ with respect to input `index`, by central differences:
 * (f(x + eps) - f(x - eps)) / (2 eps), one element at a time. The input is restored afterwards.
 *
 * @param options `index` of the input (0), `eps`, and `gradients`: upstream gradients, one per output of `f`, default ones
 * @returns a Float64Array in the input's order
 */
export function numericalGradient(
  f: (...inputs: Tensor[]) => Outputs,
  inputs: readonly Tensor[],
  options: { index?: number; eps?: number; gradients?: readonly Tensor[] } = {},
): Float64Array {
  checkOptions('numericalGradient', options, ['index', 'eps', 'gradients']);
  checkInputs('numericalGradient', f, inputs);
  const index = checkInteger('numericalGradient', 'index', options.index ?? 0, 0, inputs.length - 1);
  const eps = checkNumber('numericalGradient', 'eps', options.eps ?? 1e-6, { min: 0, open: true });
  const x = checkTensor('numericalGradient', 'each input', inputs[index]); // an array may lie about its length
  checkFloat('numericalGradient', 'the input', x);
  const upstream =
    options.gradients === undefined
      ? undefined
      : oneOrMore('numericalGradient', 'gradients', options.gradients).map((g) => Float64Array.from(g.toTypedArray()));
  const evaluate = (): number => {
    const ys = noGrad(() => resultsOf('numericalGradient', f(...inputs)));
    let sum = 0;
    ys.forEach((y, k) => {
      const values = y.toTypedArray();
      for (let i = 0; i < values.length; i++) sum += (values[i] as number) * (upstream?.[k]?.[i] ?? 1);
    });
    return sum;
  };
  const original = Float64Array.from(x.toTypedArray());
  const moved = Float64Array.from(original);
  const result = new Float64Array(original.length);
  const set = (i: number, value: number): void => {
    moved[i] = value;
    native.write(x.handle, x.dtype === 'float64' ? moved : Float32Array.from(moved));
  };
  for (let i = 0; i < original.length; i++) {
    const at = original[i] as number;
    set(i, at + eps);
    try {
      const above = evaluate();
      set(i, at - eps);
      result[i] = (above - evaluate()) / (2 * eps);
    } finally {
      if (!x.disposed) set(i, at);
    }
  }
  return result;
}

// Fixed, irregular upstream gradients: all ones would hide errors that cancel in sums.
function upstreamFor(ys: readonly Tensor[]): Tensor[] {
  return ys.map((y, k) => {
    const values = Float64Array.from({ length: y.size }, (_, i) => Math.sin(1.3 * i + k + 0.5) + (i % 3) * 0.25);
    return tensor(values, { dtype: 'float64', shape: y.dims });
  });
}

/**
 * Compares the tape's gradients with central differences, for every float64 input with `requiresGrad`, under
 * an irregular upstream gradient.
 *
 * @throws AutogradError where they differ, with the input, the element and both values
 * @returns true
 * @example
 * gradcheck((x) => x.tanh().sum(), [randn([3], { dtype: 'float64', requiresGrad: true })]);
 */
export function gradcheck(
  f: (...inputs: Tensor[]) => Outputs,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): true {
  checkOptions('gradcheck', options, ['eps', 'rtol', 'atol']);
  checkInputs('gradcheck', f, inputs);
  const [eps, rtol, atol] = (['eps', 'rtol', 'atol'] as const).map((key) =>
    checkNumber('gradcheck', key, options[key] ?? defaults[key], { min: 0, open: key === 'eps' }),
  ) as [number, number, number];
  checkWanted('gradcheck', inputs);
  const wanted = inputs.filter((x) => x._requiresGrad);
  const floats = (...xs: Tensor[]): readonly Tensor[] =>
    resultsOf('gradcheck', f(...xs)).filter((y) => y.dtype === 'float64');
  const ys = floats(...inputs);
  const upstream = upstreamFor(ys);
  const recorded = ys.map((_, k) => k).filter((k) => (ys[k] as Tensor)._requiresGrad);
  if (recorded.length === 0)
    throw new AutogradError('gradcheck: no float64 output of f depends on an input with requiresGrad');
  const found = grad(
    recorded.map((k) => ys[k] as Tensor),
    wanted,
    { gradOutputs: recorded.map((k) => upstream[k] as Tensor), allowUnused: true },
  );
  wanted.forEach((x, i) => {
    const index = inputs.indexOf(x);
    const numerical = numericalGradient(floats, inputs, { index, eps, gradients: upstream });
    const analytic = found[i]?.toTypedArray() ?? new Float64Array(x.size);
    for (let k = 0; k < numerical.length; k++) {
      const a = analytic[k] as number;
      const n = numerical[k] as number;
      if (!(Math.abs(a - n) <= atol + rtol * Math.abs(n))) {
        throw new AutogradError(
          `gradcheck: the gradient of input ${index} ${formatShape(x.dims)} at element ${k} is ${a}, central differences give ${n} (relative tolerance ${rtol}, absolute ${atol})`,
        );
      }
    }
  });
  return true;
}

/** Checks second derivatives: `gradcheck` of the gradients that `grad(…, { createGraph: true })` returns. */
export function gradgradcheck(
  f: (...inputs: Tensor[]) => Outputs,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): true {
  checkOptions('gradgradcheck', options, ['eps', 'rtol', 'atol']);
  checkInputs('gradgradcheck', f, inputs);
  checkWanted('gradgradcheck', inputs);
  const upstream = upstreamFor(
    resultsOf(
      'gradgradcheck',
      noGrad(() => f(...inputs)),
    ).filter((y) => y.dtype === 'float64'),
  );
  for (const g of upstream) g.requiresGrad = true;
  const wanted = inputs.map((x, i) => (x._requiresGrad ? i : -1)).filter((i) => i >= 0);
  const first = (...all: Tensor[]): readonly Tensor[] => {
    const xs = all.slice(0, inputs.length);
    const gs = all.slice(inputs.length);
    const ys = resultsOf('gradgradcheck', f(...xs)).filter((y) => y.dtype === 'float64');
    const kept = ys.map((y, k) => [y, gs[k] as Tensor] as const).filter(([y]) => y._requiresGrad);
    const found = grad(
      kept.map(([y]) => y),
      wanted.map((i) => xs[i] as Tensor),
      { gradOutputs: kept.map(([, g]) => g), createGraph: true, allowUnused: true },
    );
    return found.filter((g) => g?._requiresGrad);
  };
  return gradcheck((...all) => enableGrad(() => first(...all)), [...inputs, ...upstream], options);
}
