import { noGrad } from '../autograd/tape.js';
import { ArgumentError, describe, formatShape } from '../errors.js';
import { longest } from '../format.js';
import { zeros } from '../ops/creation.js';
import type { Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Module } from './module.js';

/** @internal The text of `Module.summary`. */
export function summarize(model: Module, inputs: readonly (Shape | Tensor)[]): string {
  const modules = model.namedModules();
  const outputs = inputs.length === 0 ? null : outputShapes(model, inputs);
  const count = (m: Module, deep: boolean): number => {
    const all = deep ? m.parameters() : m.namedParameters().flatMap(([name, t]) => (name.includes('.') ? [] : [t]));
    return all.reduce((sum, t) => sum + t.size, 0);
  };
  const rows = modules.map(([name, m]) => [
    name === '' ? '(model)' : name,
    m.toString(),
    outputs?.get(m) ?? '',
    number(count(m, name === '')),
  ]);
  const heads = ['name', 'layer', 'output', 'parameters'];
  const columns = heads.map((_, i) => i).filter((i) => i !== 2 || outputs !== null);
  const widths = heads.map((head, i) => longest([head, ...rows.map((row) => row[i] as string)]));
  const line = (cells: readonly string[]): string =>
    columns
      .map((i) =>
        i === 3 ? (cells[i] as string).padStart(widths[i] as number) : (cells[i] as string).padEnd(widths[i] as number),
      )
      .join('  ');
  const frozen = model.parameters().reduce((sum, t) => sum + (t.requiresGrad ? 0 : t.size), 0);
  const total = count(model, true);
  const foot = `${number(total)} parameters, ${number(total - frozen)} of them trained`;
  return [line(heads), ...rows.map(line), foot].join('\n');
}

const number = (n: number): string => n.toLocaleString('en-US');

// Runs the model on zeros, in evaluation mode, and notes the shape of what each module returns.
function outputShapes(model: Module, inputs: readonly (Shape | Tensor)[]): Map<Module, string> {
  const found = new Map<Module, string>();
  const dtype = model.parameters()[0]?.dtype ?? 'float32';
  const tensors = inputs.map((input) => {
    if (input instanceof Tensor) return input;
    if (!Array.isArray(input))
      throw new ArgumentError(`summary: inputs must be shapes or tensors, got ${describe(input)}`);
    return zeros(input, { dtype });
  });
  const modules = model.modules();
  const modes = modules.map((m) => m.training);
  const own = modules.map((m) => Object.getOwnPropertyDescriptor(m, 'forward'));
  for (const m of modules) {
    const forward = m.forward;
    m.forward = (...args: unknown[]) => {
      const output: unknown = forward.apply(m, args);
      found.set(m, shapesOf(output));
      return output;
    };
  }
  try {
    model.eval();
    noGrad(() => model.forward(...tensors));
  } finally {
    modules.forEach((m, i) => {
      m.training = modes[i] as boolean;
      delete (m as Partial<Module>).forward;
      const property = own[i];
      if (property !== undefined) Object.defineProperty(m, 'forward', property);
    });
  }
  return found;
}

function shapesOf(output: unknown): string {
  if (output instanceof Tensor) return formatShape(output.dims);
  if (Array.isArray(output)) return output.map(shapesOf).join(' ');
  return '';
}
