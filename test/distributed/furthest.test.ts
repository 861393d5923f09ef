import { expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  furthest: number;
  own: string;
  after: string;
  names: string;
  shapes?: string;
  values: string;
  number: string;
  isUnchanged: boolean;
}

describeRuns('broadcastState', () => {
  it('gives all what the first of those has that are furthest, and changes nothing when it fails', {
    timeout: 60_000,
  }, async () => {
    const results = (await resultsOf('state', 3)) as Result[];
    const [first, second, third] = results as [Result, Result, Result];
    expect(new Set(results.map(({ own }) => own)).size).toBe(3);
    expect(second.after).toBe(second.own);
    for (const { furthest, after, names, values, number, isUnchanged } of results) {
      expect(furthest).toBe(5);
      expect(after).toBe(second.own);
      expect(names).toMatch(/^StateError: broadcastState: state must have the same names in all processes, got/);
      expect(values).toMatch(/broadcastState: model must have stateDict and loadStateDict, or be a Generator/);
      expect(number).toMatch(/broadcastState: progress must be a finite number/);
      expect(isUnchanged).toBe(true);
    }
    expect([first.shapes, second.shapes]).toEqual([undefined, undefined]);
    expect(third.shapes).toMatch(/^StateError: broadcastState: model in the state of rank 0 must fit the model given/);
  });
});
