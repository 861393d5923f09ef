// Philox4x32-10 once more, naively in BigInt, and what the library draws from its words.

const mask = 0xffffffffn;

/** One block: counter and key as 32-bit words. */
export function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const even = 0xd2511f53n * c0;
    const odd = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(odd >> 32n) ^ c1 ^ k0, odd & mask, (even >> 32n) ^ c3 ^ k1, even & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}

/** `count` words of a seed's stream from block `position` on. */
export function wordsOf(seed: number, position: number, count: number): number[] {
  const key = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  const words: number[] = [];
  for (let block = position; words.length < count; block++) {
    words.push(...philox([block % 2 ** 32, Math.floor(block / 2 ** 32), 0, 0], key));
  }
  return words.slice(0, count);
}

/** Numbers in [0, 1) of 24 bits, one word each. */
export const singles = (words: readonly number[]): number[] => words.map((w) => (w >>> 8) / 2 ** 24);

/** Numbers in [0, 1) of 53 bits, two words each. */
export function doubles(words: readonly number[]): number[] {
  const at = (i: number): number => words[i] as number;
  return Array.from(
    { length: words.length / 2 },
    (_, i) => ((at(2 * i) >>> 5) * 2 ** 26 + (at(2 * i + 1) >>> 6)) / 2 ** 53,
  );
}

/** Standard normal numbers: two from each block. */
export function normals(words: readonly number[]): number[] {
  const u = doubles(words);
  return u.map((_, i) => {
    const radius = Math.sqrt(-2 * Math.log((u[i & ~1] as number) + 2 ** -53));
    const angle = 2 * Math.PI * (u[i | 1] as number);
    return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
}

/** Whether each event of probability p happens, one word each. */
export const bernoulliOf = (words: readonly number[], p: number): boolean[] =>
  words.map((w) => w >>> 2 < Math.round(p * 2 ** 30));

/** Integers in [0, range(i)), two words each. */
export function bounded(words: readonly number[], range: (i: number) => number): number[] {
  return Array.from({ length: words.length / 2 }, (_, i) => {
    const word = (BigInt(words[2 * i] as number) << 32n) | BigInt(words[2 * i + 1] as number);
    return Number((word * BigInt(range(i))) >> 64n);
  });
}
