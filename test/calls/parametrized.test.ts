// A parametrized tensor is computed whenever it is read, which costs time and, with a spectral norm, a power iteration: each
// layer reads each of its parameters at most once a call.
import { expect, it } from 'vitest';
import { nn, rand, type Tensor } from '../../dist/index.js';
import { layers } from '../fixtures/calls/layers.mjs';

class Counted extends nn.Module {
  reads = 0;
  forward(x: Tensor): Tensor {
    this.reads++;
    return x.mul(1);
  }
}

type Layer = nn.Module & { forward(...inputs: unknown[]): unknown };
type Row = { make: () => unknown[]; forward: () => unknown[] };

// A row's layer, whose parameters are all parametrized, and who counts how often each is read.
function counted(name: string, row: Row): { layer: Layer; counts: Map<string, Counted> } {
  const made = new (nn as unknown as Record<string, new (...args: unknown[]) => Layer>)[name]!(...row.make());
  if (name.startsWith('Lazy')) made.forward(...row.forward());
  const counts = new Map<string, Counted>();
  for (const [path, module] of made.namedModules()) {
    for (const [key] of module.namedParameters({ recurse: false })) {
      if (!Object.hasOwn(module, key)) continue; // in a list of a container
      const count = new Counted();
      nn.utils.parametrize.registerParametrization(module, key, count, { unsafe: true });
      counts.set(path === '' ? key : `${path}.${key}`, count);
    }
  }
  return { layer: made, counts };
}

const apart = {
  make: () => [4, 2, { kdim: 3, vdim: 2 }],
  forward: () => [rand(2, 3, 4), rand(2, 3, 3), rand(2, 3, 2)],
};
const rows: [string, Row][] = Object.entries(layers as Record<string, Row>).filter(
  ([name, row]) => counted(name, row).counts.size > 0,
);
rows.push(['MultiheadAttention', apart]);

it('has layers', () => expect(rows.length).toBeGreaterThan(40));

it.each(rows)('%s reads each parameter at most once a call', (name, row) => {
  for (const training of [true, false]) {
    const { layer, counts } = counted(name, row);
    layer.train(training).forward(...row.forward());
    const often = [...counts].filter(([, { reads }]) => reads > 1).map(([key, { reads }]) => `${key}: ${reads}`);
    expect(often).toEqual([]);
  }
});
