// What must hold of operations and gradients in a backward pass.
import { type Node, versionOf } from '../autograd/tape.js';
import { AutogradError, describe, formatShape } from '../errors.js';
import { sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';

/** @internal Throws unless the operation's graph is there, with its saved tensors as they were. */
export function checkUsable(node: Node): void {
  if (node.backward === null) {
    throw new AutogradError(
      `backward: the graph behind ${node.name} ${formatShape(node.dims)} was used already and its saved tensors are freed; pass { retainGraph: true } to the first backward`,
    );
  }
  if (node.saved.length > 0 && versionOf(node.saved) !== node.version) {
    const list = node.saved.map((t) => formatShape(t.dims)).join(', ');
    throw new AutogradError(
      `backward of ${node.name}: a tensor that it needs (one of ${list}) was changed in place after the forward pass; change a clone() instead`,
    );
  }
}

/** @internal Throws unless a gradient fits what it is of. */
export function checkGradient(where: string, edge: Node | Tensor, gradient: unknown): void {
  if (!(gradient instanceof Tensor))
    throw new AutogradError(`${where} must be a tensor or null, got ${describe(gradient)}`);
  if (!sameShape(gradient.dims, edge.dims)) {
    throw new AutogradError(
      `${where} must have its shape ${formatShape(edge.dims)}, got ${formatShape(gradient.dims)}`,
    );
  }
  if (gradient.dtype !== edge.dtype) throw new AutogradError(`${where} must be ${edge.dtype}, got ${gradient.dtype}`);
}
