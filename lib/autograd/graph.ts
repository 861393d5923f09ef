import { ArgumentError, checkEach, describe, formatShape } from '../errors.js';
import { checkOptions } from '../options.js';
import { checkTensor, Tensor } from '../tensor.js';
import { type Edge, Node } from './tape.js';

/** Names for leaves, `module.namedParameters()`, say. */
export type LeafNames = Iterable<readonly [string, Tensor]>;

interface Vertex {
  label: string;
  inputs: (Node | Tensor)[];
}

// Everything that a tensor was computed from, results before their inputs.
function walk(operation: string, root: Tensor, names: LeafNames): Map<Node | Tensor, Vertex> {
  const named = new Map<Tensor, string>();
  checkEach(operation, 'names', 'must be a list of pairs of a name and a tensor', names, (entry) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !(entry[1] instanceof Tensor)) {
      throw new ArgumentError(`${operation}: each of names must be a name and a tensor, got ${describe(entry)}`);
    }
    named.set(entry[1], entry[0]);
  });
  const vertices = new Map<Node | Tensor, Vertex>();
  const label = (v: Node | Tensor): string => {
    const name = v instanceof Node ? v.name : (named.get(v) ?? 'leaf');
    return `${name} ${formatShape(v.dims)}`;
  };
  const stack: (Node | Tensor)[] = [root._node ?? root];
  while (stack.length > 0) {
    const v = stack.pop() as Node | Tensor;
    if (vertices.has(v)) continue;
    const inputs = v instanceof Node ? (v.edges.filter((e: Edge) => e !== null) as (Node | Tensor)[]) : [];
    vertices.set(v, { label: label(v), inputs });
    for (let i = inputs.length - 1; i >= 0; i--) stack.push(inputs[i] as Node | Tensor);
  }
  return vertices;
}

/**
 * The recorded graph behind a tensor as indented text: each operation with its result's shape, and beneath it its inputs.
 * Nodes that were printed before appear by their number (`#3`) only.
 *
 * @param options `names`: names for leaves, such as `model.namedParameters()`
 */
export function graphText(y: Tensor, options: { names?: LeafNames } = {}): string {
  checkTensor('graphText', 'y', y);
  checkOptions('graphText', options, ['names']);
  const vertices = walk('graphText', y, options.names ?? []);
  const numbers = new Map<Node | Tensor, number>();
  const lines: string[] = [];
  const stack: { v: Node | Tensor; depth: number }[] = [{ v: y._node ?? y, depth: 0 }];
  while (stack.length > 0) {
    const { v, depth } = stack.pop() as { v: Node | Tensor; depth: number };
    const { label, inputs } = vertices.get(v) as Vertex;
    const seen = numbers.get(v);
    if (seen !== undefined) {
      lines.push(`${'  '.repeat(depth)}#${seen} ${label} (above)`);
      continue;
    }
    numbers.set(v, numbers.size + 1);
    lines.push(`${'  '.repeat(depth)}#${numbers.size} ${label}`);
    for (let i = inputs.length - 1; i >= 0; i--) stack.push({ v: inputs[i] as Node | Tensor, depth: depth + 1 });
  }
  return lines.join('\n');
}

/** The recorded graph behind a tensor in Graphviz's DOT language; leaves are boxes, arrows lead to results. */
export function graphDot(y: Tensor, options: { names?: LeafNames } = {}): string {
  checkTensor('graphDot', 'y', y);
  checkOptions('graphDot', options, ['names']);
  const vertices = walk('graphDot', y, options.names ?? []);
  const ids = new Map([...vertices.keys()].map((v, i) => [v, `n${i + 1}`]));
  const lines = ['digraph gradients {', '  rankdir=BT;', '  node [fontname="sans-serif"];'];
  for (const [v, { label, inputs }] of vertices) {
    const shape = v instanceof Node ? 'ellipse' : 'box';
    lines.push(`  ${ids.get(v)} [label=${JSON.stringify(label)}, shape=${shape}];`);
    for (const input of inputs) lines.push(`  ${ids.get(input)} -> ${ids.get(v)};`);
  }
  return [...lines, '}'].join('\n');
}
