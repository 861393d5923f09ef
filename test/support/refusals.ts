// Errors of layers: the whole text, which names the layer, the class, and that a failed call changes nothing.
import { expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';

const { defaultGenerator, manualSeed, tensor, zeros } = adjoint;
export type ErrorClass = new (message: string) => adjoint.AdjointError;
/** A layer, what it is given, and the error. */
export type Call = [layer: () => adjoint.nn.Module, inputs: () => unknown[], error: ErrorClass, message: string];
/** A constructor, and the error. */
export type Construction = [make: () => unknown, error: ErrorClass, message: string];

export const int32 = (values: number[] | number[][]) => tensor(values, { dtype: 'int32' });
export const mask = (...shape: number[]) => zeros(shape, { dtype: 'uint8' });

export function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

export function expectError(error: unknown, type: ErrorClass, message: string): void {
  expect((error as Error | undefined)?.message).toBe(message);
  expect(error).toBeInstanceOf(type);
}

const random = () => defaultGenerator().state.toArray();

/** A test for each: the generator is as before. */
export function refusedWhenMade(constructions: readonly Construction[]): void {
  for (const [make, type, message] of constructions) {
    it(message, () => {
      manualSeed(1);
      const before = random();
      expectError(errorOf(make), type, message);
      expect(random()).toEqual(before);
    });
  }
}

/** A test for each: parameters, buffers and the generator are as before. */
export function refusedByForward(calls: readonly Call[]): void {
  for (const [make, inputs, type, message] of calls) {
    it(message, () => {
      const layer = make();
      const state = () => [...layer.stateDict()].map(([name, t]) => [name, t.toArray()]);
      const before = [state(), random()];
      expectError(
        errorOf(() => layer.forward(...inputs())),
        type,
        message,
      );
      expect([state(), random()]).toEqual(before);
    });
  }
}
