import { types } from 'node:util';

/** A place where a parameter, a buffer, a module, a function or a container of these hangs; or null, where one might. */
export interface Slot {
  holder: object;
  key: unknown;
  value: unknown;
}

interface Pairs<Holder> {
  readonly holders: readonly Holder[];
  readonly values: readonly unknown[];
}

function pairsOf<Holder>(slots: readonly Slot[], name: string): Pairs<Holder> {
  const list = slots.filter(({ key }) => key === name);
  return { holders: list.map(({ holder }) => holder as Holder), values: list.map(({ value }) => value) };
}

interface ArrayPlaces {
  readonly array: readonly unknown[];
  readonly values: readonly unknown[];
}

type Collection = Map<unknown, unknown> | Set<unknown>;

const isCollection = (holder: object): holder is Collection => types.isMap(holder) || types.isSet(holder);

// What a slot holds now.
function valueAt({ holder, key, value }: Slot): unknown {
  if (types.isMap(holder)) return holder.get(key);
  if (types.isSet(holder)) return holder.has(value) ? value : undefined;
  return (holder as Record<string, unknown>)[key as string];
}

// V8 reads a name in the source several times faster than one in a variable, and these are the names of most places.
const usual = ['weight', 'bias', 'layers'];

/** Places, sorted so that it takes a few nanoseconds each to see whether they are as they were. */
export class Glance {
  private readonly weights: Pairs<{ weight: unknown }>;
  private readonly biases: Pairs<{ bias: unknown }>;
  private readonly layers: Pairs<{ layers: unknown }>;
  private readonly arrays: readonly ArrayPlaces[];
  private readonly others: readonly Slot[];
  private readonly sizes: readonly { holder: Collection; size: number }[];
  private readonly parts: ReadonlySet<unknown>;

  constructor(slots: readonly Slot[]) {
    const properties = slots.filter(({ holder }) => !Array.isArray(holder) && !isCollection(holder));
    this.weights = pairsOf(properties, 'weight');
    this.biases = pairsOf(properties, 'bias');
    this.layers = pairsOf(properties, 'layers');
    const holders = [...new Set(slots.map(({ holder }) => holder))];
    this.arrays = holders.filter(Array.isArray).map((array) => ({ array, values: [...array] }));
    this.sizes = holders.filter(isCollection).map((holder) => ({ holder, size: holder.size }));
    const entries = slots.filter(({ holder }) => isCollection(holder));
    this.others = [...properties.filter(({ key }) => !usual.includes(key as string)), ...entries];
    this.parts = new Set(slots.map(({ value }) => value).filter((value) => value !== null && value !== undefined));
  }

  /** True when all is as it was, false when a part was replaced or taken away, null when that takes a closer look. */
  take(): boolean | null {
    const { weights, biases, layers, arrays, others, sizes } = this;
    for (let i = 0; i < weights.holders.length; i++)
      if ((weights.holders[i] as { weight: unknown }).weight !== weights.values[i]) return this.without(weights, i);
    for (let i = 0; i < biases.holders.length; i++)
      if ((biases.holders[i] as { bias: unknown }).bias !== biases.values[i]) return this.without(biases, i);
    for (let i = 0; i < layers.holders.length; i++)
      if ((layers.holders[i] as { layers: unknown }).layers !== layers.values[i]) return this.without(layers, i);
    for (let k = 0; k < arrays.length; k++) {
      const { array, values } = arrays[k] as ArrayPlaces;
      if (array.length !== values.length) return false;
      for (let i = 0; i < values.length; i++)
        if (array[i] !== values[i]) return this.without(arrays[k] as ArrayPlaces, i);
    }
    for (let i = 0; i < others.length; i++) {
      const slot = others[i] as Slot;
      if (valueAt(slot) !== slot.value) return this.without({ values: [slot.value] }, 0);
    }
    for (let k = 0; k < sizes.length; k++) {
      const { holder, size } = sizes[k] as { holder: Collection; size: number };
      if (holder.size !== size) return false;
    }
    return true;
  }

  // What has come in place of something else need not matter.
  private without({ values }: { readonly values: readonly unknown[] }, i: number): false | null {
    return this.parts.has(values[i]) ? false : null;
  }
}
