// The graph of a model from what graphDot says of a recorded result.
import { graphDot, type LeafNames } from '../autograd/graph.js';
import { enableGrad } from '../autograd/tape.js';
import { ArgumentError, describe } from '../errors.js';
import { Module } from '../nn/module.js';
import { Tensor } from '../tensor.js';
import type { GraphNode } from './tensorboard-proto.js';

/** The nodes of the graph behind a tensor. Parameters are grouped by module, and with them what uses them. */
export function nodesOf(y: Tensor, names: LeafNames): GraphNode[] {
  const dot = graphDot(y, { names });
  const labels = new Map<string, { op: string; shape: number[]; isLeaf: boolean }>();
  for (const [, id, label, shape] of dot.matchAll(/^ {2}(n\d+) \[label=(".*"), shape=(\w+)\];$/gm)) {
    const [, op = '', sizes = ''] = /^(.*) \[(.*)\]$/s.exec(JSON.parse(label as string) as string) ?? [];
    const dims = sizes === '' ? [] : sizes.split(', ').map(Number);
    labels.set(id as string, { op, shape: dims, isLeaf: shape === 'box' });
  }
  const inputs = new Map<string, string[]>([...labels.keys()].map((id) => [id, []]));
  for (const [, from, to] of dot.matchAll(/^ {2}(n\d+) -> (n\d+);$/gm)) inputs.get(to as string)?.push(from as string);
  const used = new Map<string, number>();
  const unique = (name: string): string => {
    const count = used.get(name) ?? 0;
    used.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  };
  const paths = new Map<string, string>();
  for (const [id, { op, isLeaf }] of labels) if (isLeaf) paths.set(id, unique(op.replaceAll('.', '/')));
  for (const [id, { op, isLeaf }] of labels) {
    if (isLeaf) continue;
    const parameter = inputs.get(id)?.find((input) => paths.get(input)?.includes('/') && labels.get(input)?.isLeaf);
    const scope = parameter === undefined ? '' : (paths.get(parameter) as string).replace(/[^/]*$/, '');
    paths.set(id, unique(scope + op));
  }
  return [...labels].map(([id, { op, shape, isLeaf }]) => ({
    name: paths.get(id) as string,
    op: isLeaf ? 'Tensor' : op,
    inputs: (inputs.get(id) as string[]).map((input) => paths.get(input) as string),
    shape,
  }));
}

/** The graph of a model for given inputs, or that behind a tensor. The model stays as it is: a copy of it predicts. */
export function graphOf(operation: string, model: unknown, inputs: readonly unknown[]): GraphNode[] {
  if (model instanceof Tensor) return nodesOf(model, []);
  if (!(model instanceof Module)) {
    throw new ArgumentError(`${operation}: model must be a module or a tensor, got ${describe(model)}`);
  }
  const copy = model.clone().eval() as Module & { forward(...inputs: unknown[]): unknown };
  return enableGrad(() => {
    const given = inputs.map((x) => (x instanceof Tensor && x.isFloatingPoint() ? x.detach().requiresGrad_() : x));
    const y = copy.forward(...given);
    if (!(y instanceof Tensor)) {
      throw new ArgumentError(`${operation}: forward must give a tensor, got ${describe(y)}; pass a tensor of it`);
    }
    const named = given.flatMap((x, i): [string, Tensor][] =>
      x instanceof Tensor ? [[given.length === 1 ? 'input' : `input${i}`, x]] : [],
    );
    return nodesOf(y, [...copy.namedParameters(), ...named]);
  });
}
