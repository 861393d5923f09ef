import { describe, expect, it } from 'vitest';
import { ArgumentError, StateError } from '../../lib/errors.js';
import { Generator, rl, tensor } from '../../lib/index.js';
import { SumTree } from '../../lib/rl/sum-tree.js';

const pole = new rl.CartPole();
/** A step that can be told from others. */
const step = (i: number): rl.Experience => ({
  observation: [i, i, i, i],
  action: i % 2,
  reward: i / 2,
  nextObservation: [i + 0.5, i, i, i],
  terminated: i % 3 === 0,
});

describe('ReplayBuffer', () => {
  it('keeps the newest steps, and gives each as it was', () => {
    const buffer = new rl.ReplayBuffer(5, pole);
    for (let i = 0; i < 8; i++) expect(buffer.add(step(i))).toBe(i % 5);
    expect(buffer.length).toBe(5);
    const { observations, actions, rewards, nextObservations, terminated } = buffer.sample(200);
    expect([observations.shape, actions.dtype, rewards.shape]).toEqual([[200, 4], 'int32', [200]]);
    const ids = observations.toTypedArray().filter((_, i) => i % 4 === 0);
    expect([...new Set(ids)].sort()).toEqual([3, 4, 5, 6, 7]);
    const expected = Array.from(ids, step);
    expect(observations.toArray()).toEqual(expected.map((e) => e.observation));
    expect(actions.toArray()).toEqual(expected.map((e) => e.action));
    expect(rewards.toArray()).toEqual(expected.map((e) => e.reward));
    expect(nextObservations.toArray()).toEqual(expected.map((e) => e.nextObservation));
    expect(terminated.toArray()).toEqual(expected.map((e) => Number(e.terminated)));
  });

  it('draws uniformly, and the same again from the same generator', () => {
    const buffer = new rl.ReplayBuffer(10, pole);
    for (let i = 0; i < 10; i++) buffer.add(step(i));
    const draw = (seed: number) => buffer.sample(20_000, { generator: new Generator(seed) }).rewards.toTypedArray();
    const counts = new Float64Array(10);
    for (const reward of draw(1)) counts[2 * reward] = (counts[2 * reward] as number) + 1;
    const chi2 = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
    expect(chi2).toBeLessThan(27.9); // 9 degrees of freedom, p = 0.001
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('keeps numbers of a box, and shapes of observations', () => {
    const observationSpace = { kind: 'box', shape: [2, 1], low: [0, 0], high: [9, 9] } as const;
    const actionSpace = { kind: 'box', shape: [3], low: [-1, -1, -1], high: [1, 1, 1] } as const;
    const buffer = new rl.ReplayBuffer(4, { observationSpace, actionSpace });
    buffer.add({ observation: [1, 2], action: [0.5, -3, 1], reward: 1, nextObservation: [3, 4], terminated: true });
    const { observations, actions } = buffer.sample(2);
    expect(observations.toArray()).toEqual([[[1], [2]], [[1], [2]]]); // biome-ignore format: one line
    expect(actions.toArray()).toEqual([[0.5, -1, 1], [0.5, -1, 1]]); // biome-ignore format: one line
  });

  it('refuses what it cannot keep, and stays as it was', () => {
    const buffer = new rl.ReplayBuffer(2, pole);
    expect(() => buffer.sample(1)).toThrow(StateError);
    expect(() => buffer.sample(1)).toThrow('ReplayBuffer.sample: the buffer is empty; add steps first');
    const wrong: [object, RegExp][] = [
      [{ observation: [1, 2] }, /observation must be 4 numbers, got 2$/],
      [{ nextObservation: 3 }, /nextObservation must be 4 numbers, got 3$/],
      [{ nextObservation: new Array(4) }, /nextObservation must be finite numbers, got undefined$/],
      [{ action: 2 }, /action must be an integer from 0 to 1, got 2$/],
      [{ reward: Number.NaN }, /reward must be a finite number, got NaN$/],
      [{ terminated: 1 }, /terminated must be a boolean, got 1$/],
      [{ done: true }, /unknown option "done"/],
    ];
    for (const [part, text] of wrong) {
      expect(() => buffer.add({ ...step(1), ...part })).toThrow(ArgumentError);
      expect(() => buffer.add({ ...step(1), ...part })).toThrow(text);
    }
    expect(buffer.length).toBe(0);
    expect(() => new rl.ReplayBuffer(2, {} as rl.Spaces)).toThrow(/observationSpace must be a space/);
    expect(() => new rl.ReplayBuffer(0, pole)).toThrow(/capacity must be an integer of at least 1/);
  });
});

describe('SumTree', () => {
  it.each([1, 2, 5, 64])('finds places by their share, of %i', (count) => {
    const tree = new SumTree(count);
    const naive = new Float64Array(count);
    let random = 7;
    const next = () => {
      random = (random * 16807) % 2147483647;
      return random / 2147483647;
    };
    for (let round = 0; round < 300; round++) {
      const place = Math.floor(next() * count);
      naive[place] = next() < 0.2 ? 0 : Math.floor(next() * 8); // whole numbers: sums are exact in any order
      tree.set(place, naive[place] as number);
      const total = naive.reduce((sum, value) => sum + value, 0);
      expect(tree.total).toBe(total);
      if (total === 0) continue;
      const mass = next() * total;
      let [before, want] = [0, 0];
      while (before + (naive[want] as number) <= mass) before += naive[want++] as number;
      expect(tree.find(mass)).toBe(want);
      expect(naive[tree.find(total)]).toBeGreaterThan(0); // what rounding may ask for
    }
  });
});

describe('PrioritizedReplayBuffer', () => {
  const filled = (options = {}) => {
    const buffer = new rl.PrioritizedReplayBuffer(8, pole, options);
    for (let i = 0; i < 6; i++) buffer.add(step(i));
    return buffer;
  };

  it('draws by priorities to the power of alpha, and weighs against it', () => {
    const [alpha, beta] = [0.7, 0.5];
    const buffer = filled({ alpha, eps: 1e-9 });
    const priorities = [1, 2, 0.5, 4, 0.1, 3];
    buffer.updatePriorities(Int32Array.of(0, 1, 2, 3, 4, 5), priorities);
    const masses = priorities.map((p) => p ** alpha);
    const total = masses.reduce((sum, mass) => sum + mass, 0);
    const batch = buffer.sample(6000, { beta, generator: new Generator(3) });
    const counts = new Float64Array(6);
    for (const at of batch.indices) counts[at] = (counts[at] as number) + 1;
    // Stratified: each count lies within one of what is expected at each of its two ends.
    masses.forEach((mass, i) => {
      expect(Math.abs((counts[i] as number) - (6000 * mass) / total)).toBeLessThanOrEqual(2);
    });
    const plain = masses.map((mass) => ((6 * mass) / total) ** -beta);
    const largest = Math.max(...plain);
    const weights = batch.weights.toTypedArray();
    const errors = Array.from(batch.indices, (at, i) =>
      Math.abs((weights[i] as number) - (plain[at] as number) / largest),
    );
    expect(Math.max(...errors)).toBeLessThan(1e-6);
    expect(batch.rewards.toArray()).toEqual(Array.from(batch.indices, (at) => at / 2));
  });

  it('draws uniformly with alpha 0, and corrects nothing with beta 0', () => {
    const buffer = filled({ alpha: 0 });
    buffer.updatePriorities(Int32Array.of(0), [100]);
    const { indices, weights } = buffer.sample(600, { beta: 0 });
    expect(indices.filter((at) => at === 0).length).toBeGreaterThanOrEqual(99);
    expect(indices.filter((at) => at === 0).length).toBeLessThanOrEqual(101);
    expect(weights.toArray()).toEqual(Array(600).fill(1));
  });

  it('gives a new step the largest priority so far', () => {
    const buffer = filled({ alpha: 1, eps: 1e-12 });
    buffer.updatePriorities(Int32Array.of(0, 1, 2, 3, 4, 5), tensor([1, 1, 1, 1, 1, 5]));
    expect(buffer.add(step(6))).toBe(6);
    const { indices } = buffer.sample(1500, { generator: new Generator(1) });
    expect(Math.abs(indices.filter((at) => at === 6).length - 500)).toBeLessThanOrEqual(2); // 5 of 15
  });

  it('refuses wrong priorities, and stays as it was', () => {
    const buffer = filled();
    const drawn = () => buffer.sample(50, { generator: new Generator(2) }).indices;
    const before = drawn();
    const wrong: [unknown, unknown, RegExp][] = [
      [[0], [1], /indices must be the Int32Array of a batch/],
      [Int32Array.of(0, 6), [1, 9], /index must be an integer of at least 0 and at most 5, got 6$/],
      [Int32Array.of(0, 1), [9, -1], /priority must be a finite number of at least 0, got -1$/],
      [Int32Array.of(0, 1), [9], /priorities must be 2 numbers, one for each index, got 1$/],
      [Int32Array.of(0, 1), new Array(2), /priority must be a finite number of at least 0, got undefined$/],
    ];
    for (const [indices, priorities, text] of wrong) {
      expect(() => buffer.updatePriorities(indices as Int32Array, priorities as number[])).toThrow(text);
    }
    expect(drawn()).toEqual(before);
    expect(() => new rl.PrioritizedReplayBuffer(2, pole, { alpha: -1 })).toThrow(/alpha must be/);
  });
});
