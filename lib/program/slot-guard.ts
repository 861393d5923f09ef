import { types } from 'node:util';

/** A property that holds a parameter, a buffer, a module, a function or a container of these; or null, where one may come. */
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

// The present value of a slot.
function valueAt({ holder, key, value }: Slot): unknown {
  if (types.isMap(holder)) return holder.get(key);
  if (types.isSet(holder)) return holder.has(value) ? value : undefined;
  return (holder as Record<string, unknown>)[key as string];
}

// V8 reads a literal property name several times faster than one in a variable, and these names are the most frequent.
const usual = ['weight', 'bias', '_elements'];

/** Slots, sorted so that checking whether one is unchanged takes a few nanoseconds. */
export class SlotGuard {
  private readonly weights: Pairs<{ weight: unknown }>;
  private readonly biases: Pairs<{ bias: unknown }>;
  private readonly lists: Pairs<{ _elements: unknown }>;
  private readonly arrays: readonly ArrayPlaces[];
  private readonly others: readonly Slot[];
  private readonly sizes: readonly { holder: Collection; size: number }[];
  private readonly parts: ReadonlySet<unknown>;

  constructor(slots: readonly Slot[]) {
    const properties = slots.filter(({ holder }) => !Array.isArray(holder) && !isCollection(holder));
    this.weights = pairsOf(properties, 'weight');
    this.biases = pairsOf(properties, 'bias');
    this.lists = pairsOf(properties, '_elements');
    const holders = [...new Set(slots.map(({ holder }) => holder))];
    this.arrays = holders.filter(Array.isArray).map((array) => ({ array, values: [...array] }));
    this.sizes = holders.filter(isCollection).map((holder) => ({ holder, size: holder.size }));
    const entries = slots.filter(({ holder }) => isCollection(holder));
    this.others = [...properties.filter(({ key }) => !usual.includes(key as string)), ...entries];
    this.parts = new Set(slots.map(({ value }) => value).filter((value) => value !== null && value !== undefined));
  }

  /** True when nothing has changed, false when a part was replaced or removed, null when that takes a closer look. */
  check(): boolean | null {
    const { holders: weighted, values: weights } = this.weights;
    for (let i = 0; i < weighted.length; i++)
      if ((weighted[i] as { weight: unknown }).weight !== weights[i]) return this.without(weights[i]);
    const { holders: biased, values: biases } = this.biases;
    for (let i = 0; i < biased.length; i++)
      if ((biased[i] as { bias: unknown }).bias !== biases[i]) return this.without(biases[i]);
    const { holders: listed, values: lists } = this.lists;
    for (let i = 0; i < listed.length; i++)
      if ((listed[i] as { _elements: unknown })._elements !== lists[i]) return this.without(lists[i]);
    const { arrays, others, sizes } = this;
    for (let k = 0; k < arrays.length; k++) {
      const { array, values } = arrays[k] as ArrayPlaces;
      if (array.length !== values.length) return false;
      for (let i = 0; i < values.length; i++) if (array[i] !== values[i]) return this.without(values[i]);
    }
    for (let i = 0; i < others.length; i++) {
      const slot = others[i] as Slot;
      if (valueAt(slot) !== slot.value) return this.without(slot.value);
    }
    for (let k = 0; k < sizes.length; k++) {
      const { holder, size } = sizes[k] as { holder: Collection; size: number };
      if (holder.size !== size) return false;
    }
    return true;
  }

  // A replacement for something else need not matter.
  private without(value: unknown): false | null {
    return this.parts.has(value) ? false : null;
  }
}
