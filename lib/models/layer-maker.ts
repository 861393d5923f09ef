import { ArgumentError, checkFunction, describe, isClass } from '../errors.js';
import { Module } from '../nn/index.js';

/** A class of layers, or a function that makes one: `nn.LayerNorm`, `(n) => new nn.LayerNorm(n, { eps: 1e-6 })`. */
export type LayerMaker<A extends unknown[] = []> = (new (...args: A) => Module) | ((...args: A) => Module);

/** @internal A function that makes the layers of an option, each checked. */
export function layersOf<A extends unknown[]>(
  operation: string,
  name: string,
  maker: LayerMaker<A>,
): (...args: A) => Module {
  if (!isClass(maker)) checkFunction(operation, name, maker);
  const make = isClass(maker)
    ? (...args: A) => new (maker as new (...args: A) => Module)(...args)
    : (maker as (...args: A) => Module);
  return (...args) => {
    const layer = make(...args);
    if (layer instanceof Module) return layer;
    throw new ArgumentError(`${operation}: ${name} must give a module, got ${describe(layer)}`);
  };
}

/** @internal */
export function checkModule(operation: string, name: string, value: unknown): Module {
  if (value instanceof Module) return value;
  throw new ArgumentError(`${operation}: ${name} must be a module, got ${describe(value)}`);
}
