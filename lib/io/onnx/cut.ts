// A graph that ends earlier: what its new outputs do not need is left out.
import { create } from '@bufbuild/protobuf';
import { ArgumentError, checkEach, describe } from '../../errors.js';
import { type GraphProto, type NodeProto, ValueInfoProtoSchema } from './messages.js';

/**
 * Makes values inside a graph its outputs, and leaves out nodes, weights and inputs that these do not need.
 *
 * @param outputs the names of the values
 * @throws ArgumentError when they are no names, or none of this graph
 */
export function cutGraph(operation: string, proto: GraphProto, outputs: unknown): GraphProto {
  const names = checkNames(operation, proto, outputs);
  const needed = new Set(names);
  const nodes = proto.node.toReversed().filter((node) => {
    if (!node.output.some((name) => name !== '' && needed.has(name))) return false;
    for (const name of readBy(node)) needed.add(name);
    return true;
  });
  proto.node = nodes.toReversed();
  proto.initializer = proto.initializer.filter(({ name }) => needed.has(name));
  proto.input = proto.input.filter(({ name }) => needed.has(name));
  proto.output = names.map((name) => create(ValueInfoProtoSchema, { name }));
  return proto;
}

function checkNames(operation: string, proto: GraphProto, outputs: unknown): string[] {
  const computed = proto.node.flatMap(({ output }) => output).filter((name) => name !== '');
  const known = new Set(computed);
  const rule = 'must be names of values that the graph computes, each once';
  const seen = new Set<string>();
  const names = checkEach(operation, 'outputs', rule, outputs, (name): string => {
    if (typeof name !== 'string' || !known.has(name) || seen.has(name)) {
      const last = computed.slice(-8).map((known) => JSON.stringify(known));
      throw new ArgumentError(`${operation}: outputs ${rule}, got ${describe(name)}; its last are ${last.join(', ')}`);
    }
    seen.add(name);
    return name;
  });
  if (names.length === 0) throw new ArgumentError(`${operation}: outputs ${rule}, got none`);
  return names;
}

/** What a node reads: its inputs, and what graphs inside it may read of those around them. */
function readBy({ input, attribute }: NodeProto): string[] {
  const graphs = attribute.flatMap(({ g }) => g ?? []);
  return [...input, ...graphs.flatMap(({ node, output }) => [...node.flatMap(readBy), ...output.map((o) => o.name)])];
}
