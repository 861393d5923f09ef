// Means of values over the steps of an epoch.

/** @internal Sums and counts by name. */
export type SumsByName = Record<string, readonly [sum: number, count: number]>;

/** @internal */
export function addSums(to: SumsByName, more: SumsByName): SumsByName {
  const all: SumsByName = { ...to };
  for (const [name, [sum, count]] of Object.entries(more)) {
    const [before, counted] = all[name] ?? [0, 0];
    all[name] = [before + sum, counted + count];
  }
  return all;
}

/** @internal */
export function meansOf(sums: SumsByName): Record<string, number> {
  return Object.fromEntries(Object.entries(sums).map(([name, [sum, count]]) => [name, sum / count]));
}
