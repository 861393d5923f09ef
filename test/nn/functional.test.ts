// What stands in `nn.functional`.
import { expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';

const { nn } = adjoint;

it('has the functions, and nn itself has what PyTorch has there', () => {
  const lower = (space: object) => Object.keys(space).filter((name) => /^[a-z]/.test(name));
  expect(lower(nn).sort()).toEqual(['functional', 'init', 'sequential', 'utils']);
  expect(lower(nn.functional)).toEqual(Object.keys(nn.functional));
});

it('an operation of the package is the same function there', () => {
  const shared = Object.entries(nn.functional).filter(([name]) => name in adjoint);
  expect(shared.length).toBeGreaterThan(30);
  for (const [name, run] of shared) expect(run, name).toBe((adjoint as Record<string, unknown>)[name]);
});
