// Runs a graph, node by node, on tensors.
import { noGrad } from '../../autograd/tape.js';
import { unrecorded } from '../../context.js';
import { AdjointError, reword } from '../../errors.js';
import { keep } from '../../memory.js';
import { Tensor } from '../../tensor.js';
import { isKnown, noteKnown, type Value } from './call.js';
import type { Graph, Step } from './graph.js';

/** Values by name: those of a graph, then those of the graphs around it. */
export class Scope {
  readonly #values = new Map<string, Value>();

  constructor(readonly around: Scope | null) {}

  get(name: string): Value {
    if (name === '') return undefined;
    return this.#values.has(name) ? this.#values.get(name) : this.around?.get(name);
  }

  set(name: string, value: Value): void {
    if (name !== '') this.#values.set(name, value);
  }

  delete(name: string): void {
    this.#values.delete(name);
  }
}

/** The outputs of a graph, whose inputs and weights are in `scope`. */
export function runGraph(graph: Graph, scope: Scope, training: boolean): readonly Value[] {
  for (const [name, t] of graph.constants) scope.set(name, t);
  for (const step of graph.steps) {
    const results = step.results ?? runStep(step, scope, training);
    step.outputs.forEach((name, i) => {
      scope.set(name, results[i]);
    });
    for (const name of step.last) scope.delete(name);
  }
  return graph.outputs.map((name) => scope.get(name));
}

/** What of a shape alone is known, whatever the data. */
const ofShapes = new Set(['Shape', 'Size']);

function runStep(step: Step, scope: Scope, training: boolean): readonly Value[] {
  const { call, run } = step;
  const inputs = step.inputs.map((name) => scope.get(name));
  call.training = training;
  call.bodies = new Map(
    [...step.graphs].map(([name, graph]) => [name, (given) => runBody(graph, given, scope, training)]),
  );
  try {
    if (typeof run !== 'function') return runBody(run, inputs, null, training);
    const compute = () => listed(run(call, ...inputs));
    const isPlain = step.graphs.size === 0 && !step.call.operator.startsWith('Random');
    if (!isPlain || !(ofShapes.has(call.operator) || inputs.every(isKnown))) return compute();
    return unrecorded(() => {
      const results = noGrad(compute);
      for (const value of results) noteKnown(value);
      if (step.isConstant && results.every((value) => value === undefined || value instanceof Tensor)) {
        for (const t of results) if (t !== undefined) keep(t as Tensor);
        step.results = results as readonly Tensor[];
      }
      return results;
    });
  } catch (error) {
    if (error instanceof AdjointError && !error.message.startsWith('node '))
      reword(error, `${step.label}: ${error.message}`);
    throw error;
  }
}

function listed(value: Tensor | readonly Value[]): readonly Value[] {
  return value instanceof Tensor ? [value] : value;
}

function runBody(graph: Graph, given: readonly Value[], around: Scope | null, training: boolean): readonly Value[] {
  const scope = new Scope(around);
  graph.inputs.forEach((name, i) => {
    scope.set(name, given[i]);
  });
  return runGraph(graph, scope, training);
}
