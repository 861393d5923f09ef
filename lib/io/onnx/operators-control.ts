// Graphs in graphs: conditions, loops and scans, unrolled.
import { tensor } from '../../ops/creation.js';
import { flip, squeeze, unsqueeze } from '../../ops/shape.js';
import { cat, slice } from '../../ops/shape-slice.js';
import type { Tensor } from '../../tensor.js';
import { type Call, noteKnown, type Operators, type Value } from './call.js';
import { axisOf } from './operators-shape.js';

function branch(call: Call, condition: Tensor): readonly Value[] {
  const isTrue = (call.numbers(condition)[0] ?? call.fail('condition must have an element')) !== 0;
  return call.body(isTrue ? 'then_branch' : 'else_branch')([]);
}

const known = (value: number, dtype: 'int32' | 'uint8'): Tensor => {
  const t = tensor(value, { dtype });
  noteKnown(t);
  return t;
};

/** The elements of each pass, joined along a new axis. */
function joined(call: Call, passes: readonly (readonly Value[])[], count: number): Tensor[] {
  return Array.from({ length: count }, (_, i) => {
    const list = passes.map((values) => unsqueeze(values[i] as Tensor, 0));
    return list.length === 0
      ? call.fail('a loop without passes has no element to tell the shape of its results')
      : cat(list, 0);
  });
}

/** Loops are unrolled, those in each other together: more passes than this are a mistake, or meant to take for ever. */
const maxPasses = 100_000;
let [depth, done] = [0, 0];

/** Runs a loop, which calls `pass` before each of its passes. */
function bounded<T>(call: Call, run: (pass: () => void) => T): T {
  if (depth++ === 0) done = 0;
  try {
    return run(() => {
      if (++done > maxPasses) call.fail(`must have at most ${maxPasses} passes, those of loops in it included`);
    });
  } finally {
    depth--;
  }
}

const loop = (call: Call, ...given: [Tensor | undefined, Tensor | undefined, ...Value[]]): readonly Value[] =>
  bounded(call, (pass) => looped(call, pass, ...given));

const scan = (call: Call, ...given: Tensor[]): readonly Value[] => bounded(call, (pass) => scanned(call, pass, given));

function looped(
  call: Call,
  pass: () => void,
  limit: Tensor | undefined,
  condition: Tensor | undefined,
  ...first: Value[]
): readonly Value[] {
  const most = limit === undefined ? Number.POSITIVE_INFINITY : (call.numbers(limit)[0] as number);
  const isOn = (t: Value) => call.numbers(t as Tensor)[0] !== 0;
  const passes: (readonly Value[])[] = [];
  let states: readonly Value[] = first;
  let goesOn: Value = condition;
  for (let i = 0; i < most && (goesOn === undefined || isOn(goesOn)); i++) {
    pass();
    const results = call.body('body')([known(i, 'int32'), goesOn ?? known(1, 'uint8'), ...states]);
    goesOn = results[0];
    states = results.slice(1, 1 + first.length);
    passes.push(results.slice(1 + first.length));
  }
  return [...states, ...joined(call, passes, call.outputs - first.length)];
}

function scanned(call: Call, pass: () => void, given: readonly Tensor[]): readonly Value[] {
  if (call.version < 9) call.fail('is known here from version 9 of the operator set on');
  const count = call.int('num_scan_inputs');
  const sequences = given.slice(given.length - count);
  const first = given.slice(0, given.length - count);
  const axes = call.ints('scan_input_axes') ?? sequences.map(() => 0);
  const turned = call.ints('scan_input_directions') ?? sequences.map(() => 0);
  const inputs = sequences.map((t, i) => {
    const dim = axisOf(call, axes[i] ?? 0, t.rank);
    return { t: turned[i] ? flip(t, [dim]) : t, dim };
  });
  const passes: (readonly Value[])[] = [];
  let states: readonly Value[] = first;
  const steps = inputs[0] === undefined ? 0 : (inputs[0].t.dims[inputs[0].dim] as number);
  for (let s = 0; s < steps; s++) {
    pass();
    const parts = inputs.map(({ t, dim }) => squeeze(slice(t, { dim, start: s, end: s + 1 }), dim));
    const results = call.body('body')([...states, ...parts]);
    states = results.slice(0, first.length);
    passes.push(results.slice(first.length));
  }
  const outputs = joined(call, passes, call.outputs - first.length);
  const backwards = call.ints('scan_output_directions') ?? [];
  if (call.ints('scan_output_axes')?.some((a) => a !== 0))
    call.fail('scan_output_axes other than 0 are not known here');
  return [...states, ...outputs.map((t, i) => (backwards[i] ? flip(t, [0]) : t))];
}

export const control: Operators = {
  If: branch,
  Loop: loop,
  OptionalGetElement: (call, x: Value) => [x ?? call.fail('must have an element, got none')],
  OptionalHasElement: (_, x: Value) => known(x === undefined ? 0 : 1, 'uint8'),
  Scan: scan,
};
