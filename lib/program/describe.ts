import { formatShape, StateError } from '../errors.js';
import { longest } from '../format.js';
import { native, type OperationDescription, type ProgramDescription, type SpanDescription } from '../native.js';
import type { CompiledFunction, Leaves } from './compiled-function.js';
import { whilePaused } from './pause.js';
import type { Program } from './program.js';

const runs = 20;

function scaled(value: number, unit: string): string {
  const prefixes = ['', 'k', 'M', 'G', 'T'];
  let power = 0;
  let rest = value;
  while (rest >= 1000 && power < prefixes.length - 1) {
    rest /= 1000;
    power++;
  }
  return `${power === 0 ? rest : rest.toFixed(rest < 10 ? 2 : rest < 100 ? 1 : 0)} ${prefixes[power]}${unit}`;
}

interface Row {
  name: string;
  spans: string;
  bytes: number;
  flops: number;
}

function spanText(s: SpanDescription): string {
  const place = s.kind === 'arena' ? `#${s.buffer}` : `${s.kind} #${s.buffer}`;
  return `${place}[${s.length}]`;
}

function rowsOf(d: ProgramDescription): Row[] {
  return d.groups.map((group) => {
    const operations = group.map((i) => d.operations[i] as OperationDescription);
    const last = operations[operations.length - 1] as OperationDescription;
    const few = last.spans.filter((s) => s.written).map(spanText);
    return {
      name: operations.map((o) => o.kernel).join(' + '),
      spans: few.length > 3 ? `${few.slice(0, 3).join(', ')}, … ${few.length} in all` : few.join(', '),
      bytes: operations.reduce((sum, o) => sum + o.bytes, 0),
      flops: operations.reduce((sum, o) => sum + o.flops, 0),
    };
  });
}

function table(columns: string[], rows: string[][]): string[] {
  const widths = columns.map((c, i) => longest([c, ...rows.map((r) => r[i] as string)]));
  const line = (cells: string[]) =>
    cells
      .map((c, i) => c.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd();
  return [line(columns), line(widths.map((w) => '─'.repeat(w))), ...rows.map(line)];
}

// A signature as text: `[64, 784] float32, [64] int32`.
function signature(program: Program): string {
  const slots = program.inputs.map((slot) => `${formatShape(slot.shape)} ${slot.dtype}`);
  return slots.length === 0 ? 'no tensors' : slots.join(', ');
}

function head(compiled: CompiledFunction, d: ProgramDescription, title: string, rows: Row[]): string[] {
  const count = rows.length === 1 ? '1 kernel call' : `${rows.length} kernel calls`;
  const dropped = d.operations.length - d.groups.reduce((sum, g) => sum + g.length, 0);
  const total = scaled(
    rows.reduce((sum, r) => sum + r.flops, 0),
    'FLOP',
  );
  const moved = scaled(
    rows.reduce((sum, r) => sum + r.bytes, 0),
    'B',
  );
  return [
    `${title} for ${signature(compiled.newest(title))}: ${count}, ${dropped} operations without effect dropped`,
    `${total}, ${moved} read and written, arena ${scaled(d.arenaBytes, 'B')} in ${d.places} places`,
  ];
}

/** The newest program as text. */
export function describeCompiled(compiled: CompiledFunction): string {
  const program = compiled.newest('step.describe');
  const d = native.describeProgram(compiled.runner, program.number);
  const rows = rowsOf(d);
  const lines = table(
    ['kernel', 'writes', 'bytes', 'FLOPs'],
    rows.map((r) => [r.name, r.spans, scaled(r.bytes, 'B'), scaled(r.flops, 'FLOP')]),
  );
  return [...head(compiled, d, 'step.describe', rows), ...lines].join('\n');
}

// One kernel that is interrupted does not spoil the picture.
function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

/** Times each kernel of a program over some steps, whose effect is undone. */
export function profileCompiled(compiled: CompiledFunction, leaves: Leaves): string {
  if (!compiled.queue.isEmpty)
    throw new StateError('step.profile: cannot run while steps are queued; await them first');
  if (compiled.find(leaves) === null) {
    throw new StateError(
      'step.profile: a step with such arguments has not been recorded yet; call the step with them first',
    );
  }
  const program = compiled.newest('step.profile');
  const d = native.describeProgram(compiled.runner, program.number);
  if (d.operations.some(({ kernel }) => kernel.startsWith('allReduce'))) {
    const hint = 'profile a step of the module inside of nn.DistributedDataParallel';
    throw new StateError(`step.profile: a step must not wait for other processes, which make no step now; ${hint}`);
  }
  const rounds: BigInt64Array[] = [];
  whilePaused(() => {
    native.saveState(compiled.runner, program.number);
    try {
      for (let i = 0; i <= runs; i++) {
        const times = new BigInt64Array(d.groups.length);
        compiled.replay(program, leaves, false, times);
        if (i > 0) rounds.push(times); // the first one warms up
      }
    } finally {
      native.exchangeState(compiled.runner, program.number);
      native.forgetState(compiled.runner);
    }
  });
  const rows = rowsOf(d);
  const micro = rows.map((_, g) => median(rounds.map((times) => Number(times[g]) / 1000)));
  const total = micro.reduce((a, b) => a + b, 0);
  const order = rows.map((_, i) => i).sort((a, b) => (micro[b] as number) - (micro[a] as number));
  const lines = table(
    ['kernel', 'µs', 'share', 'GFLOP/s', 'GB/s', 'writes'],
    order.map((i) => {
      const row = rows[i] as Row;
      const time = micro[i] as number;
      const per = (amount: number) => (time > 0 ? (amount / time / 1000).toFixed(1) : '');
      const share = total > 0 ? `${((100 * time) / total).toFixed(1)} %` : '';
      return [row.name, time.toFixed(2), share, per(row.flops), per(row.bytes), row.spans];
    }),
  );
  const sum = `${total.toFixed(1)} µs a step, medians of ${runs}`;
  return [...head(compiled, d, 'step.profile', rows), sum, ...lines].join('\n');
}
