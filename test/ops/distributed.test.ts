import { expect, it } from 'vitest';
import { compile, ones, type Tensor, zeros } from '../../lib/index.js';
import { beginReduce, endReduce } from '../../lib/ops/distributed.js';
import { describeRuns } from '../support/ranks.js';

// Runs of several processes: test/distributed.
describeRuns('reductions over a group that does not exist', () => {
  const none = 2 ** 40;
  const failed = (): Error => new Error('no such group');

  it.each(['float32', 'float64'] as const)('fail, and leave %s tensors as they were', (dtype) => {
    const parts = [ones([3], { dtype }), zeros([2, 2], { dtype })];
    const ticket = beginReduce(none, parts, true, 'float32');
    expect(ticket.item()).toBe(-1);
    expect(() => endReduce(none, parts, ticket, failed)).toThrow('no such group');
    expect(parts.map((part) => [...part.toTypedArray()])).toEqual([
      [1, 1, 1],
      [0, 0, 0, 0],
    ]);
  });

  it('fail in a step that is recorded', () => {
    const step = compile((x: Tensor) => {
      const y = x.mul(2);
      endReduce(none, [y], beginReduce(none, [y], false, 'float32'), failed);
      return y;
    });
    expect(() => step.sync(ones([3]))).toThrow('no such group');
  });
});
