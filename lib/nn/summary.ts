import { noGrad } from '../autograd/tape.js';
import { ArgumentError, describe, formatShape } from '../errors.js';
import { zeros } from '../ops/creation.js';
import type { Shape } from '../shape.js';
import { checkTensor, Tensor } from '../tensor.js';
import type { Part } from './location.js';
import type { Module } from './module.js';
import { own } from './places.js';

/** A line of the table. */
interface Row {
  name: string;
  part: Part;
  /** The list that a function is in. */
  list: Part[];
  /** The shapes of the last call's result; empty without a call. */
  output: string;
}

/** @internal The text of `Module.summary`. */
export function summarize(model: Module, inputs: readonly (Shape | Tensor)[]): string {
  const rows = rowsOf(model);
  const failure = inputs.length === 0 ? null : noteOutputs(model, rows, inputs);
  const heads = ['name', 'layer', 'output', 'parameters'];
  const cells = rows.map(({ name, part, output }) => [
    name === '' ? '(model)' : name,
    typeof part === 'function' ? part.name || 'function' : part.toString(),
    output,
    number(typeof part === 'function' ? 0 : sizeOf(part, name === '')),
  ]);
  const columns = heads.map((_, i) => i).filter((i) => i !== 2 || inputs.length > 0);
  const widths = heads.map((head, i) =>
    cells.reduce((width, row) => Math.max(width, (row[i] as string).length), head.length),
  );
  const line = (row: readonly string[]): string =>
    columns
      .map((i) =>
        i === 3 ? (row[i] as string).padStart(widths[i] as number) : (row[i] as string).padEnd(widths[i] as number),
      )
      .join('  ');
  const frozen = model.parameters().reduce((sum, t) => sum + (t.requiresGrad ? 0 : t.size), 0);
  const total = sizeOf(model, true);
  const foot = `${number(total)} parameters, ${number(total - frozen)} of them trained`;
  return [line(heads), ...cells.map(line), foot, ...(failure === null ? [] : [failure])].join('\n');
}

const number = (n: number): string => n.toLocaleString('en-US');

function sizeOf(module: Module, deep: boolean): number {
  const parameters = deep ? module.parameters() : new Set(module[own]().parameters.map(({ value }) => value));
  let size = 0;
  for (const t of parameters) size += t.size;
  return size;
}

// The modules, each once, and the functions between them.
function rowsOf(model: Module): Row[] {
  const rows: Row[] = [];
  const seen = new Set<Part>();
  const visit = (part: Part, name: string, list: Part[]): void => {
    if (typeof part !== 'function' && seen.has(part)) return;
    seen.add(part);
    rows.push({ name, part, list, output: '' });
    if (typeof part === 'function') return;
    const holder = part._functions();
    for (const [child, below] of part._parts()) visit(below, name === '' ? child : `${name}.${child}`, holder);
  };
  visit(model, '', []);
  return rows;
}

// Runs the model on zeros, in evaluation mode, and notes the shape of what each part returns. Returns the error text, if any.
function noteOutputs(model: Module, rows: readonly Row[], inputs: readonly (Shape | Tensor)[]): string | null {
  const dtype = model.parameters()[0]?.dtype ?? 'float32';
  const tensors = inputs.map((input) => {
    if (input instanceof Tensor) return checkTensor('summary', 'input', input);
    if (!Array.isArray(input))
      throw new ArgumentError(`summary: inputs must be shapes or tensors, got ${describe(input)}`);
    return zeros(input, { dtype });
  });
  const modes = model.modules().map((m) => [m, m.training] as const);
  const failures = new Set<unknown>();
  const undo = rows.map((row) => listen(row, failures));
  try {
    model.eval();
    noGrad(() => model.forward(...tensors));
    return null;
  } catch (error) {
    return `forward fails: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    for (const put of undo) put();
    for (const [m, mode] of modes) m.training = mode;
  }
}

// Notes what a part returns, or that it was the first to throw, until the returned function is called.
function listen(row: Row, failures: Set<unknown>): () => void {
  const { part, list } = row;
  const noted =
    (call: (...args: never[]) => unknown) =>
    (...args: never[]): unknown => {
      try {
        const output = call(...args);
        row.output = shapesOf(output);
        return output;
      } catch (error) {
        if (!failures.has(error)) row.output = 'failed';
        failures.add(error);
        throw error;
      }
    };
  if (typeof part === 'function') {
    const i = list.indexOf(part);
    if (i < 0 || Object.isFrozen(list)) return () => {};
    list[i] = noted(part);
    return () => {
      list[i] = part;
    };
  }
  const property = Object.getOwnPropertyDescriptor(part, 'forward');
  if (!Object.isExtensible(part)) return () => {};
  part.forward = noted(part.forward.bind(part));
  return () => {
    delete (part as Partial<Module>).forward;
    if (property !== undefined) Object.defineProperty(part, 'forward', property);
  };
}

function shapesOf(output: unknown): string {
  if (output instanceof Tensor) return formatShape(output.dims);
  return Array.isArray(output) ? output.map(shapesOf).join(' ') : '';
}
