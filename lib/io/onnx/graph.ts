// A model's graph made ready to run: operators found, attributes read, and when a value is last used.
import { FileError } from '../../errors.js';
import { keep } from '../../memory.js';
import { tensor } from '../../ops/creation.js';
import type { Tensor } from '../../tensor.js';
import { Call, noteKnown, type Operator } from './call.js';
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from './messages.js';
import { operators } from './operators.js';
import { readWeights, type Source, type Weights } from './weights.js';

/** A node that can run. */
export interface Step {
  /** How errors name it. */
  label: string;
  call: Call;
  /** Its operator, or the body of a function that the model defines. */
  run: Operator | Graph;
  inputs: readonly string[];
  outputs: readonly string[];
  graphs: ReadonlyMap<string, Graph>;
  /** Names that nothing after it reads. */
  last: string[];
  /** Whether its results are the same in each call. */
  isConstant: boolean;
  results?: readonly (Tensor | undefined)[];
}

export interface Graph {
  inputs: readonly string[];
  outputs: readonly string[];
  constants: ReadonlyMap<string, Tensor>;
  steps: readonly Step[];
}

/** A model may call functions in functions: a small file makes no more nodes than this. */
const maxSteps = 500_000;
/** More are more than a call takes. */
const maxValues = 10_000;

interface Missing {
  count: number;
  first: string;
}

export class Builder {
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  readonly #missing = new Map<string, Missing>();
  #steps = 0;

  constructor(
    readonly model: ModelProto,
    readonly source: Source,
  ) {
    this.#functions = new Map(model.functions.map((f) => [`${f.domain}:${f.name}:${f.overload}`, f]));
  }

  /**
   * The graph of the model.
   * @param weights what to do with the initialisers: gives those that are constants
   * @throws FileError when it is no graph, or has operators that are not known
   */
  build(proto: GraphProto, weights: (all: ReadonlyMap<string, Weights>, proto: GraphProto) => Set<string>): Graph {
    const all = new Map(proto.initializer.map((t) => [t.name, readWeights(t, this.source)]));
    const constants = weights(all, proto);
    const graph = this.#graph(proto, versionsOf(this.model.opsetImport), all, constants, new Set(), 0);
    if (this.#missing.size > 0) {
      const list = [...this.#missing].map(([name, { count, first }]) => {
        return `${name} (${count} ${count === 1 ? 'time' : 'times'}, first in ${first})`;
      });
      this.#fail(`has operators that are not known here: ${list.join(', ')}`);
    }
    return graph;
  }

  #fail(rule: string): never {
    throw new FileError(`${this.source.operation}: ${this.source.name} ${rule}`);
  }

  #graph(
    proto: GraphProto,
    versions: ReadonlyMap<string, number>,
    weights: ReadonlyMap<string, Weights>,
    isConstant: ReadonlySet<string>,
    outer: ReadonlySet<string>,
    depth: number,
  ): Graph {
    const constants = new Map([...isConstant].map((name) => [name, constantOf(weights.get(name) as Weights)]));
    const inputs = proto.input.map(({ name }) => name).filter((name) => !weights.has(name));
    const outputs = proto.output.map(({ name }) => name);
    const defined = new Set([...outer, ...weights.keys(), ...inputs]);
    const steps = this.#stepsOf(proto.node, versions, new Map(), defined, new Set(constants.keys()), depth);
    const missing = outputs.find((name) => !defined.has(name));
    if (missing !== undefined) this.#fail(`must compute its output ${JSON.stringify(missing)}, got no node that does`);
    markLast(steps, outputs);
    return { inputs, outputs, constants, steps };
  }

  #stepsOf(
    nodes: readonly NodeProto[],
    versions: ReadonlyMap<string, number>,
    given: ReadonlyMap<string, AttributeProto>,
    defined: Set<string>,
    constant: Set<string>,
    depth: number,
  ): Step[] {
    if (depth > 32) this.#fail('must not have graphs or functions in each other more than 32 deep');
    return nodes.map((node, i) => {
      if (++this.#steps > maxSteps) this.#fail(`must have at most ${maxSteps} nodes`);
      const step = this.#step(node, i, versions, given, defined, depth);
      const values = Math.max(step.inputs.length, step.outputs.length);
      if (values > maxValues)
        this.#fail(`must have at most ${maxValues} inputs and outputs a node, got ${values} in ${step.label}`);
      const unknown = step.inputs.find((name) => name !== '' && !defined.has(name));
      if (unknown !== undefined) {
        this.#fail(`must compute values before they are used, got ${JSON.stringify(unknown)} in ${step.label}`);
      }
      for (const name of step.outputs) {
        if (name === '') continue;
        if (defined.has(name)) this.#fail(`must compute each value once, got ${JSON.stringify(name)} in ${step.label}`);
        defined.add(name);
      }
      step.isConstant =
        typeof step.run === 'function' &&
        step.graphs.size === 0 &&
        !drawing.has(step.call.operator) &&
        step.inputs.every((name) => name === '' || constant.has(name));
      if (step.isConstant) for (const name of step.outputs) constant.add(name);
      return step;
    });
  }

  #step(
    node: NodeProto,
    i: number,
    versions: ReadonlyMap<string, number>,
    given: ReadonlyMap<string, AttributeProto>,
    defined: ReadonlySet<string>,
    depth: number,
  ): Step {
    const domain = node.domain === 'ai.onnx' ? '' : node.domain;
    const operator = domain === '' ? node.opType : `${domain}.${node.opType}`;
    const label = `node ${node.name === '' ? i : JSON.stringify(node.name)} (${operator})`;
    const attributes = new Map<string, AttributeProto>();
    for (const a of node.attribute) {
      const value = a.refAttrName === '' ? a : given.get(a.refAttrName);
      if (value !== undefined) attributes.set(a.name, value);
    }
    const outputs = [...node.output];
    while (outputs.at(-1) === '') outputs.pop();
    const tensors = new Map<string, Tensor>();
    const graphs = new Map<string, Graph>();
    for (const [name, { t, g }] of attributes) {
      if (t !== undefined && domain === '') tensors.set(name, constantOf(readWeights(t, this.source)));
      if (g !== undefined) {
        const weights = new Map(g.initializer.map((w) => [w.name, readWeights(w, this.source)]));
        const graph = this.#graph(g, versions, weights, new Set(weights.keys()), new Set(defined), depth + 1);
        graphs.set(name, graph);
      }
    }
    const call = new Call(label, operator, versions.get(domain) ?? 1, outputs.length, attributes, tensors);
    const run = this.#operator(node, domain, operator, label, attributes, depth);
    return { label, call, run, inputs: node.input, outputs: node.output, graphs, last: [], isConstant: false };
  }

  #operator(
    node: NodeProto,
    domain: string,
    operator: string,
    label: string,
    attributes: ReadonlyMap<string, AttributeProto>,
    depth: number,
  ): Operator | Graph {
    const body = this.#functions.get(`${node.domain}:${node.opType}:${node.overload}`);
    if (body !== undefined) {
      const given = new Map([...body.attributeProto.map((a) => [a.name, a] as const), ...attributes]);
      const defined = new Set(body.input);
      const steps = this.#stepsOf(body.node, versionsOf(body.opsetImport), given, defined, new Set(), depth + 1);
      markLast(steps, body.output);
      return { inputs: body.input, outputs: body.output, constants: new Map(), steps };
    }
    const known = Object.hasOwn(operators, operator) && domain === '' ? operators[operator] : undefined;
    if (known !== undefined) return known;
    const missing = this.#missing.get(operator) ?? { count: 0, first: label };
    missing.count++;
    this.#missing.set(operator, missing);
    return () => [];
  }
}

/** Operators whose results differ from call to call. */
const drawing = new Set([
  'Bernoulli',
  'Dropout',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

function versionsOf(list: ModelProto['opsetImport']): ReadonlyMap<string, number> {
  return new Map(list.map(({ domain, version }) => [domain === 'ai.onnx' ? '' : domain, Number(version)]));
}

/** A tensor that outlives every scope and, unless it is a weight, whose values are known. */
export function constantOf({ data, shape, dtype }: Weights, known = true): Tensor {
  const t = keep(tensor(data, { shape, dtype }));
  if (known) noteKnown(t);
  return t;
}

// After which step each value may be freed.
function markLast(steps: readonly Step[], outputs: readonly string[]): void {
  const seen = new Set(outputs);
  for (const step of [...steps].reverse()) {
    const used = [...step.inputs, ...step.outputs, ...[...step.graphs.values()].flatMap(outside)];
    for (const name of used) {
      if (name === '' || seen.has(name)) continue;
      seen.add(name);
      step.last.push(name);
    }
  }
}

// The names that a graph in an attribute may read of those around it.
function outside({ steps, outputs }: Graph): string[] {
  return [...outputs, ...steps.flatMap((s) => [...s.inputs, ...[...s.graphs.values()].flatMap(outside)])];
}
