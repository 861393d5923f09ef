// The cases of test/golden/make_metrics.py, made by the same generator.

/** One random case; weights or null. */
export interface Case {
  classes: number;
  binary: number[];
  guess: number[];
  score: number[];
  target: number[];
  predicted: number[];
  probabilities: number[][];
  logits: number[][];
  a: number[];
  a2: number[];
  b2: number[];
  b: number[];
  weights: number[] | undefined;
}

function generator(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (state >>> 16) % n;
  };
}

export function makeCase(number: number): Case {
  const below = generator(Number((BigInt(number) * 2654435761n + 12345n) % 2n ** 32n));
  for (let i = 0; i < 3; i++) below(2);
  const [n, classes] = [1 + below(40), 3 + below(4)];
  const levels = [2, 5, 1000][below(3)] as number;
  const [weighted, single] = [below(2) === 1, below(10) === 0];
  const list = <T>(make: () => T, length = n): T[] => Array.from({ length }, make);
  const integers = (limit: number): number[] => {
    const first = below(limit);
    return list(() => (single ? first : below(limit)));
  };
  const numbers = () => list(() => (below(64) - 32) / 8);
  const positive = (row: number[]): number[] => (row.some((v) => v > 0) ? row : [1, ...row.slice(1)]);
  const binary = integers(2);
  const guess = list(() => below(2));
  const score = list(() => below(levels + 1) / levels);
  const target = integers(classes);
  const predicted = list(() => below(classes));
  const counts = list(() => positive(list(() => below(levels), classes)));
  const probabilities = counts.map((row) => row.map((k) => k / row.reduce((sum, v) => sum + v, 0)));
  const logits = list(() => list(() => (below(64) - 32) / 8, classes));
  const [a, a2, b2] = [numbers(), numbers(), numbers()];
  const b = integers(64).map((v) => v / 8);
  const weights = positive(list(() => below(5) / 4));
  return {
    ...{ classes, binary, guess, score, target, predicted, probabilities, logits },
    ...{ a, a2, b2, b, weights: weighted ? weights : undefined },
  };
}
