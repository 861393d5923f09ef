// Every operation is also a method: `softmax(x, options)` is `x.softmax(options)`. A new family is one line in each list.
import * as autograd from './autograd/engine.js';
import * as copy from './ops/copy.js';
import * as elementwise from './ops/elementwise.js';
import { Tensor } from './tensor.js';

/** The functions of a module whose first argument is a tensor, without it. */
type Methods<F> = {
  [K in keyof F]: F[K] extends (x: any, ...rest: infer R) => infer Result ? (...rest: R) => Result : never;
};

const methods = {
  ...pick(autograd, ['backward']),
  ...pick(copy, ['clone', 'to', 'detach', 'copy_', 'fill_', 'zero_', 'add_']),
  ...pick(elementwise, ['add', 'mul']),
};

function pick<F extends object, K extends keyof F>(family: F, names: readonly K[]): Pick<F, K> {
  return Object.fromEntries(names.map((name) => [name, family[name]])) as Pick<F, K>;
}

declare module './tensor.js' {
  interface Tensor extends Methods<typeof methods> {}
}

for (const [name, run] of Object.entries(methods as Record<string, (...args: unknown[]) => unknown>)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, a: unknown, b: unknown, c: unknown) {
      return run(this, a, b, c);
    },
    writable: true,
    configurable: true,
  });
}
