// Transforms against PyTorch: test/golden/make_distributions.py says what a row holds.
import { describe, expect, it } from 'vitest';
import type { distributions } from '../../lib/index.js';
import { build, expectNear, transforms } from '../support/distributions.js';
import { fromGolden } from '../support/golden.js';

describe.each(transforms.map((t, i) => [`${i} ${t.spec[0]}`, t] as const))('%s', (_, row) => {
  it.each(['float64', 'float32'] as const)('agrees with PyTorch in %s', (dtype) => {
    const t = build<distributions.Transform>(row.spec, dtype);
    const x = fromGolden({ ...row.x, dtype });
    const y = t.forward(x);
    expectNear('y', y, row.y);
    expect(t.forwardShape(x.shape)).toEqual(y.shape);
    if (row.inverse !== null) {
      const exact = fromGolden({ ...row.y, dtype });
      expectNear('x', t.inverse(exact), row.inverse, dtype === 'float64' ? 1e-9 : 1e-3);
      expect(t.inverseShape(y.shape)).toEqual(x.shape);
      expectNear('inv', t.inv.forward(exact), row.inverse, dtype === 'float64' ? 1e-9 : 1e-3);
    }
    if (row.jacobian === null) return;
    expectNear('jacobian', t.logAbsDetJacobian(x, y), row.jacobian);
    expectNear('jacobian of inv', t.inv.logAbsDetJacobian(y, x).neg(), row.jacobian);
  });
});
