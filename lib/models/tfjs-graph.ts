// The network of a model.json: which layers there are, and in which order they are called.
import { describe, FileError } from '../errors.js';
import { LayerConfig, type TfjsContext, type TfjsLayer } from './tfjs-config.js';
import { maxLayers, type TfjsWeight } from './tfjs-files.js';
import { isKnown, isNetwork, makeLayer } from './tfjs-layers.js';

type Json = Readonly<Record<string, unknown>>;

/** @internal One of the tensors that a call gave. */
export interface Place {
  call: number;
  tensor: number;
}

/** @internal One call of a layer; the layer's modules are found by its key. */
export interface Call {
  key: string;
  run: TfjsLayer['run'];
  from: readonly Place[];
}

/** @internal What a network computes; the first calls have no input but those of the network. */
export interface Plan {
  /** What the layers hold, by name. */
  layers: Record<string, object>;
  calls: readonly Call[];
  /** Calls, in their order. */
  order: readonly number[];
  inputs: readonly { name: string; call: number }[];
  outputs: readonly Place[];
}

/** @internal Makes a module of a plan. */
export type Wrap = (plan: Plan) => TfjsLayer;

const deepest = 16;
const merging = /^(Concatenate|Add|Multiply|Average|Maximum|Minimum)$/;

const layersOf = (config: unknown): unknown => (Array.isArray(config) ? config : (Object(config) as Json).layers);

/** Refuses what is not known, all of it at once. */
function survey(source: string, root: unknown): void {
  const unknown = new Map<string, { count: number; first: unknown }>();
  let count = 0;
  const visit = (json: unknown, depth: number): void => {
    const { class_name: kind, config } = Object(json) as Json;
    const { name, layer } = Object(config) as Json;
    if (++count > maxLayers) throw new FileError(`fromTfjs: ${source} must have at most ${maxLayers} layers, got more`);
    if (depth > deepest)
      throw new FileError(`fromTfjs: ${source} must have layers in at most ${deepest} layers, got more`);
    const inner = isNetwork(kind) ? layersOf(config) : undefined;
    if (Array.isArray(inner)) for (const one of inner) visit(one, depth + 1);
    else if (!isKnown(kind)) {
      const text = typeof kind === 'string' ? kind : describe(kind);
      const found = unknown.get(text) ?? { count: 0, first: name };
      found.count++;
      unknown.set(text, found);
    } else if (layer !== undefined) visit(layer, depth + 1);
  };
  visit(root, 0);
  if (unknown.size === 0) return;
  const list = [...unknown].map(([kind, { count: n, first }]) => `${kind} (${n}, the first is ${describe(first)})`);
  throw new FileError(`fromTfjs: ${source} must have layers that are known here, got ${list.slice(0, 20).join(', ')}`);
}

/** @internal The plan of a whole file. */
export function planOf(source: string, topology: object, weights: ReadonlyMap<string, TfjsWeight>, wrap: Wrap): Plan {
  survey(source, topology);
  const context: TfjsContext = {
    source,
    weights,
    make(json, owner, direction = owner?.direction ?? '') {
      const { class_name: kind, config } = Object(json) as Json;
      if (isNetwork(kind)) return wrap(networkOf(context, json as Json));
      const { name } = Object(config) as Json;
      if (typeof name !== 'string' || name === '') {
        throw new FileError(`fromTfjs: ${source} must name each layer, got ${describe(name)} for ${describe(kind)}`);
      }
      return makeLayer(new LayerConfig(context, kind as string, name, config as Json, owner?.owner ?? name, direction));
    },
  };
  if (!isNetwork((topology as Json).class_name)) {
    throw new FileError(`fromTfjs: ${source} must hold a Sequential or a Functional model`);
  }
  return networkOf(context, topology as Json);
}

function networkOf(context: TfjsContext, { class_name: kind, config }: Json): Plan {
  const list = layersOf(config);
  if (!Array.isArray(list) || list.length === 0) {
    throw new FileError(
      `fromTfjs: ${context.source} must have a list of layers in each network, got ${describe(list)}`,
    );
  }
  const made = new Map<string, { layer: TfjsLayer; json: Json }>();
  const layers: Record<string, object> = Object.create(null);
  for (const json of list as Json[]) {
    const name = keyOf((Object(json.config) as Json).name ?? json.name);
    if (name === '' || made.has(name)) {
      throw new FileError(`fromTfjs: ${context.source} must name each layer once, got ${describe(name)}`);
    }
    const layer = context.make(json, null);
    made.set(name, { layer, json });
    if (layer.module !== undefined) layers[name] = layer.module;
  }
  return kind === 'Sequential'
    ? chain(layers, made)
    : new Functional(context.source, layers, made, config as Json).plan();
}

// Dots separate levels of names in a state dict.
const keyOf = (name: unknown): string => (typeof name === 'string' ? name.replaceAll('.', '_') : '');

type Made = ReadonlyMap<string, { layer: TfjsLayer; json: Json }>;

function chain(layers: Record<string, object>, made: Made): Plan {
  const calls: Call[] = [{ key: '', run: (_, xs) => xs, from: [] }];
  for (const [key, { layer }] of made) {
    calls.push({ key, run: layer.run, from: [{ call: calls.length - 1, tensor: 0 }] });
  }
  const outputs = [{ call: calls.length - 1, tensor: 0 }];
  return { layers, calls, order: calls.map((_, i) => i).slice(1), inputs: [{ name: 'input', call: 0 }], outputs };
}

const isIndex = (i: unknown, length: number): boolean => Number.isInteger(i) && Number(i) >= 0 && Number(i) < length;

class Functional {
  readonly #calls: Call[] = [];
  /** The number of the first call of each layer, of how many, and the number that the file gives the first. */
  readonly #first = new Map<string, { call: number; count: number; base: number }>();

  constructor(
    readonly source: string,
    readonly layers: Record<string, object>,
    readonly made: Made,
    readonly config: Json,
  ) {}

  #fail(rule: string): FileError {
    return new FileError(`fromTfjs: ${this.source} ${rule}`);
  }

  plan(): Plan {
    this.#number();
    for (const [key, { layer, json }] of this.made) {
      for (const node of this.#nodes(json))
        this.#calls.push({ key, run: layer.run, from: this.#places(key, json, node) });
    }
    const inputs = this.#list('input_layers').map((ref) => {
      const { call } = this.#place(ref);
      return { name: String((ref as unknown[])[0]), call };
    });
    const outputs = this.#list('output_layers').map((ref) => this.#place(ref));
    const order = this.#order(new Set(inputs.map(({ call }) => call)));
    return { layers: this.layers, calls: this.#calls, order, inputs, outputs };
  }

  #list(name: string): unknown[] {
    const list = this.config[name];
    if (!Array.isArray(list) || list.length === 0)
      throw this.#fail(`must have a list as ${name}, got ${describe(list)}`);
    return Array.isArray(list[0]) ? list : [list];
  }

  #nodes({ class_name: kind, inbound_nodes: nodes = [] }: Json): unknown[] {
    if (!Array.isArray(nodes)) throw this.#fail(`must have a list as inbound_nodes, got ${describe(nodes)}`);
    return kind === 'InputLayer' ? [[]] : nodes;
  }

  // A network counts the call that it was made with, which is not in the file: its calls are numbered from 1 on.
  #number(): void {
    let call = 0;
    for (const [key, { json }] of this.made) {
      const count = this.#nodes(json).length;
      if (call + count > maxLayers) throw this.#fail(`must call layers at most ${maxLayers} times, got more`);
      this.#first.set(key, { call, count, base: 0 });
      call += count;
    }
    const shift = (ref: unknown): void => {
      const first = Array.isArray(ref) ? this.#first.get(keyOf(ref[0])) : undefined;
      if (first === undefined || !isNetwork(this.made.get(keyOf((ref as unknown[])[0]))?.json.class_name)) return;
      if ((ref as unknown[])[1] === first.count) first.base = 1;
    };
    for (const { json } of this.made.values()) {
      for (const node of this.#nodes(json)) if (Array.isArray(node)) node.forEach(shift);
    }
    this.#list('output_layers').forEach(shift);
  }

  #places(key: string, { class_name: kind }: Json, node: unknown): Place[] {
    if (!Array.isArray(node))
      throw this.#fail(`must have lists as inbound_nodes of ${describe(key)}, got ${describe(node)}`);
    const isMany = merging.test(String(kind)) || isNetwork(kind);
    if (kind !== 'InputLayer' && (node.length === 0 || (!isMany && node.length !== 1))) {
      throw this.#fail(`must give layer ${describe(key)} one input, got ${node.length}`);
    }
    return node.map((ref) => this.#place(ref));
  }

  #place(ref: unknown): Place {
    const [name, node, tensor = 0] = Array.isArray(ref) ? (ref as unknown[]) : [];
    const first = this.#first.get(keyOf(name));
    const i = typeof node === 'number' ? node - (first?.base ?? 0) : -1;
    const outputs = this.made.get(keyOf(name))?.layer.outputs ?? 1;
    const isThere = isIndex(i, first?.count ?? 0) && isIndex(tensor, outputs);
    if (first === undefined || !isThere) {
      throw this.#fail(`must name calls of its layers as inputs, got ${describe(name)} ${describe(node)}`);
    }
    return { call: first.call + i, tensor: tensor as number };
  }

  // Each call after those whose results it takes.
  #order(given: ReadonlySet<number>): number[] {
    const waiting = this.#calls.map(({ from }) => from.length);
    const users = this.#calls.map((): number[] => []);
    this.#calls.forEach(({ from }, i) => {
      for (const { call } of from) users[call]?.push(i);
    });
    const order = [...given];
    for (const call of order) {
      for (const user of users[call] ?? []) if (--(waiting[user] as number) === 0) order.push(user);
    }
    if (order.length < this.#calls.length) {
      const { key } = this.#calls.find((_, i) => !order.includes(i)) as Call;
      throw this.#fail(`must have an order of its layers, got none for ${describe(key)}`);
    }
    return order.slice(given.size);
  }
}
