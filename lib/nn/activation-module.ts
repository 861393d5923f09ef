// The module of an activation function.
import { optionsOf } from '../arguments.js';
import { nameClass } from '../errors.js';
import { formatOptions } from '../format.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

type Activation<A extends readonly unknown[], O> = new (
  ...args: A
) => Module &
  Readonly<O> & {
    forward(x: Tensor): Tensor;
  };

/** @internal Of functions without further arguments. */
export const none = (name: string, args: readonly unknown[]): object => optionsOf(name, args, []);

/** @internal The module of an activation function. `parse` gives the arguments after x by name, with their defaults: its properties. */
export function activation<A extends readonly unknown[], O extends object>(
  name: string,
  run: (x: Tensor, ...args: A) => Tensor,
  parse: (name: string, args: A) => O,
): Activation<[...A], O> {
  const anyRun = run as unknown as (x: Tensor, options?: object) => Tensor;
  const made = class extends Module {
    private readonly _names: readonly string[];

    constructor(...args: A) {
      super();
      const options = parse(name, args);
      this._names = Object.keys(options);
      Object.assign(this, options);
    }

    private get _options(): Record<string, unknown> {
      return Object.fromEntries(this._names.map((key) => [key, this[key as '_names']]));
    }

    forward(x: Tensor): Tensor {
      return this._names.length === 0 ? anyRun(x) : anyRun(x, this._options);
    }

    override toString(): string {
      return `${name}(${formatOptions(this._options)})`;
    }
  };
  return nameClass(name, made) as unknown as Activation<[...A], O>;
}
