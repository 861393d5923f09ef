// What a network gives for rows: a few of them at once by a recorded program, many in parts.
import { setImmediate } from 'node:timers/promises';
import { noGrad } from '../autograd/tape.js';
import { zeros } from '../ops/creation.js';
import { cat } from '../ops/shape-slice.js';
import { type CompiledStep, compile } from '../program/compile.js';
import type { Tensor } from '../tensor.js';
import type { TabularInputs, TabularNetwork } from './tabular-network.js';

/** Rows that go through a network together: enough for its products, few enough for memory. */
const together = 4096;

/** Few rows are filled up to one of these numbers, for each of which a program is recorded. */
const recorded = [1, 8, 64];

const programs = new WeakMap<TabularNetwork, CompiledStep<[Tensor[]], Tensor>>();

/** The outputs for all rows; the event loop gets its turn in between. */
export async function outputsOf(network: TabularNetwork, rows: TabularInputs): Promise<Tensor> {
  const size = recorded.find((size) => size >= rows.length);
  if (size !== undefined) return replayed(network, rows, size);
  const parts: Tensor[] = [];
  for (let start = 0; start < rows.length; start += together) {
    if (start > 0) await setImmediate();
    const length = Math.min(together, rows.length - start);
    const part = (t: Tensor | null): Tensor | null => t?.narrow(0, start, length) ?? null;
    const inputs = { length, numbers: part(rows.numbers), codes: part(rows.codes) };
    parts.push(noGrad(() => network.forward(inputs)));
  }
  return parts.length === 1 ? (parts[0] as Tensor) : cat(parts, 0);
}

function replayed(network: TabularNetwork, { length, numbers, codes }: TabularInputs, size: number): Tensor {
  const filled = (t: Tensor): Tensor =>
    length === size ? t : cat([t, zeros([size - length, t.shape[1] as number], { dtype: t.dtype })], 0);
  const given = [numbers, codes].filter((t) => t !== null).map(filled);
  return programOf(network).sync(given).narrow(0, 0, length);
}

function programOf(network: TabularNetwork): CompiledStep<[Tensor[]], Tensor> {
  let program = programs.get(network);
  if (program === undefined) {
    const hasNumbers = network.architecture.numbers > 0;
    program = compile((given: Tensor[]): Tensor => {
      const [numbers, codes] = hasNumbers ? given : [null, ...given];
      const length = (given[0] as Tensor).shape[0] as number;
      const inputs = { length, numbers: numbers ?? null, codes: codes ?? null };
      return noGrad(() => network.forward(inputs));
    });
    programs.set(network, program);
  }
  return program;
}
