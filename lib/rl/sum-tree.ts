/**
 * @internal Numbers of which each inner node holds the sum of two: a place is found by a share of the total, and a number is changed, in
 * the logarithm of their count.
 */
export class SumTree {
  readonly #leaves: number;
  readonly #sums: Float64Array;

  constructor(count: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(count));
    this.#sums = new Float64Array(2 * this.#leaves);
  }

  get total(): number {
    return this.#sums[1] as number;
  }

  at(place: number): number {
    return this.#sums[this.#leaves + place] as number;
  }

  set(place: number, value: number): void {
    const sums = this.#sums;
    let node = this.#leaves + place;
    sums[node] = value;
    // Sums are made anew, so that no rounding gathers.
    for (node >>= 1; node > 0; node >>= 1) sums[node] = (sums[2 * node] as number) + (sums[2 * node + 1] as number);
  }

  /** The place where the sum of all before it passes `mass`; never one that holds 0. */
  find(mass: number): number {
    const sums = this.#sums;
    let rest = mass;
    let node = 1;
    while (node < this.#leaves) {
      const [left, right] = [sums[2 * node] as number, sums[2 * node + 1] as number];
      const isLeft = rest < left || right === 0;
      if (!isLeft) rest -= left;
      node = 2 * node + (isLeft ? 0 : 1);
    }
    return node - this.#leaves;
  }
}
