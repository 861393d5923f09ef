// Densities, moments, quantiles and their gradients against PyTorch: test/golden/make_distributions.py says what a case holds.
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import type { Tensor } from '../../lib/tensor.js';
import { build, cases, expectNear, weights } from '../support/distributions.js';
import { fromGolden } from '../support/golden.js';

describe.each(cases.map((c, i) => [`${i} ${c.spec[0]}`, c] as const))('%s', (_, c) => {
  it.each(['float64', 'float32'] as const)('agrees with PyTorch in %s', (dtype) => {
    const leaves: Tensor[] = [];
    const d = build(c.spec, dtype, leaves);
    expect([d.batchShape, d.eventShape]).toEqual(c.shapes);
    expect(d.support.isDiscrete).toBe(c.discrete);
    const value = fromGolden({ ...c.value, dtype }, { requiresGrad: !c.discrete });
    const p = fromGolden({ ...c.p, dtype });
    for (const [name, want] of Object.entries(c.results)) {
      const member = d[name as 'mean'] as Tensor | ((x?: Tensor) => Tensor);
      const given = name === 'icdf' ? [p] : name === 'logProb' || name === 'cdf' ? [value] : [];
      const y = typeof member === 'function' ? member.apply(d, given as [Tensor]) : member;
      expectNear(name, y, want);
    }
    if (c.gradients.length === 0) return;
    const y = d.logProb(value);
    const inputs = [...leaves, ...(c.discrete ? [] : [value])];
    const wanted = inputs.filter((_, i) => c.gradients[i] !== null);
    const known = c.gradients.filter((g) => g !== null);
    const gradients = grad(y, wanted, { gradOutputs: [weights(y)] }) as Tensor[];
    for (const [i, g] of gradients.entries()) expectNear(`gradient ${i}`, g, known[i]!);
  });
});
