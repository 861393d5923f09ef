// Gradients of the loss of each sample.
import { enableGrad, noGrad } from '../autograd/tape.js';
import { grad } from '../backward/engine.js';
import { isRecording } from '../context.js';
import { ArgumentError, checkEach, checkFunction, formatShape, ShapeError, StateError } from '../errors.js';
import { checkPart } from '../nn/lookup.js';
import type { Module } from '../nn/module.js';
import { BatchNorm } from '../nn/norm-batch.js';
import { detach } from '../ops/copy.js';
import { zeros } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import { any, sum } from '../ops/reduce.js';
import { select } from '../ops/shape-parts.js';
import { slice, stack } from '../ops/shape-slice.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { gradientsBy, ruleOf } from './sample-rules.js';
import { checkInputCount } from './trees.js';

/** One call of a layer. */
interface Call {
  readonly layer: Module;
  readonly name: string;
  readonly x: Tensor;
  readonly y: Tensor;
}

type Loss = (...inputs: Tensor[]) => Tensor;

/** Models whose samples were found not to change each other. */
const independent = new WeakSet<Module>();

/**
 * The gradient of each sample's loss by each parameter: what PyTorch's `vmap(grad(loss))` gives. Linear layers, convolutions of one
 * and two dimensions, embeddings and layer, RMS and group norms are computed for all samples at once, from their inputs and the
 * gradients of their outputs; the parameters of all else, and those that are used outside of their layer, with a backward pass for each sample.
 *
 * Samples must not change each other, and be the first dimension of what each layer gets: a model in which they do, by batch norm
 * say, is an error. It is looked for when a model comes for the first time, not inside of a compiled step.
 *
 * Goodfellow, "Efficient per-example gradient computations", 2015, https://arxiv.org/abs/1510.01799; Rochette et al., 2019,
 * https://arxiv.org/abs/1912.06015
 *
 * @param model whose parameters that need gradients are meant
 * @param loss from the inputs to the loss of each sample: [n]; it calls the model
 * @param inputs tensors [n, …]
 * @returns gradients and losses: [n, …shape] by the names of parameters, and what the loss gave
 * @throws StateError when samples change each other, ShapeError when the loss is not [n]
 * @example
 * const model = new nn.Linear(3, 1);
 * const loss = (x: Tensor, y: Tensor) => model.forward(x).flatten().sub(y).square();
 * const [gradients] = func.perSampleGradients(model, loss, [randn(8, 3), randn(8)]);
 * gradients.weight; // [8, 1, 3]
 */
export function perSampleGradients(
  model: Module,
  loss: Loss,
  inputs: readonly Tensor[],
): [gradients: Record<string, Tensor>, losses: Tensor] {
  return gradientsOfEach('perSampleGradients', model, loss, inputs);
}

/** @internal {@link perSampleGradients} as a part of another operation. */
export function gradientsOfEach(
  operation: string,
  model: Module,
  loss: Loss,
  inputs: readonly Tensor[],
): [gradients: Record<string, Tensor>, losses: Tensor] {
  checkPart(operation, model);
  checkFunction(operation, 'loss', loss);
  const given = checkSamples(operation, 'inputs', inputs);
  const n = given[0]?.dims[0] as number;
  const named = model.namedParameters().filter(([, p]) => p.requiresGrad);
  if (named.length === 0) {
    throw new ArgumentError(`${operation}: model must have a parameter that needs a gradient, got none`);
  }
  const norm = model.modules().find((m) => m instanceof BatchNorm && m.training);
  if (norm !== undefined) throw mixing(operation, norm.toString());
  const covered = coveredBy(model);
  const { calls, losses } = run(model, covered, () => loss(...given));
  checkLosses(operation, losses, n);
  if (n > 1 && !isRecording() && !independent.has(model)) {
    checkIndependent(operation, calls, losses, n);
    independent.add(model);
  }
  const { sums, elsewhere } = together(calls, [...covered], losses, n);
  const rest = named.map(([, p]) => p).filter((p) => elsewhere.has(p) || !covered.has(p));
  for (const [p, gradient] of oneByOne(rest, loss, given, n)) sums.set(p, gradient);
  const gradients = named.map(([name, p]) => [name, sums.get(p) ?? zeros([n, ...p.dims], { dtype: p.dtype })]);
  return [Object.fromEntries(gradients), detach(losses)];
}

/** @internal Tensors of the same samples. */
export function checkSamples(operation: string, name: string, inputs: unknown): readonly Tensor[] {
  const given = checkEach(operation, name, 'must be a list of tensors', inputs, (x, i) =>
    checkTensor(operation, `${name}[${i}]`, x),
  );
  const n = given[0]?.dims[0];
  checkInputCount(operation, name, given);
  if (n !== undefined && n > 0 && given.every((x) => x.dims[0] === n)) return given;
  const got = given.map((x) => formatShape(x.dims)).join(' and ') || 'none';
  throw new ShapeError(`${operation}: ${name} must be tensors [n, …] with the same n of at least 1, got ${got}`);
}

function checkLosses(operation: string, losses: unknown, n: number): void {
  const { dims } = checkTensor(operation, 'the loss', losses);
  if (dims.length === 1 && dims[0] === n) return;
  const hint = "one number for each sample, as losses with reduction 'none' give";
  throw new ShapeError(`${operation}: the loss must be [${n}], ${hint}, got ${formatShape(dims)}`);
}

const mixing = (operation: string, where: string): StateError =>
  new StateError(
    `${operation}: samples must not change each other, but they do in ${where}; keep them in the first dimension, and take nn.GroupNorm in place of batch norm`,
  );

/** The parameters of layers that have a rule. */
function coveredBy(model: Module): Set<Tensor> {
  const layers = model.modules().filter((layer) => ruleOf(layer) !== null);
  return new Set(layers.flatMap((layer) => layer.parameters({ recurse: false })).filter((p) => p.requiresGrad));
}

/**
 * Runs the loss while layers with rules have copies of their parameters that need no gradient: the graph then has their parameters only
 * where something else uses them.
 */
function run(model: Module, covered: ReadonlySet<Tensor>, loss: () => Tensor): { calls: Call[]; losses: Tensor } {
  const calls: Call[] = [];
  const handles = model.namedModules().flatMap(([name, layer]) => {
    if (ruleOf(layer) === null) return [];
    const own = layer as unknown as Record<string, Tensor>;
    const names = ['weight', 'bias'].filter((key) => covered.has(own[key] as Tensor));
    if (names.length === 0) return []; // it is frozen
    const parameters = names.map((key) => own[key] as Tensor);
    const restore = (): void => {
      for (const [i, key] of names.entries()) own[key] = parameters[i] as Tensor;
    };
    return [
      layer.registerForwardPreHook(() => {
        for (const [i, key] of names.entries()) own[key] = detach(parameters[i] as Tensor);
      }),
      layer.registerForwardHook((_, [x], y) => {
        restore();
        if (!y.requiresGrad) y.requiresGrad = true;
        calls.push({ layer, name, x: detach(x), y });
      }),
      { remove: restore },
    ];
  });
  try {
    return { calls, losses: enableGrad(loss) };
  } finally {
    for (const handle of handles) handle.remove();
  }
}

/** What the first sample's loss says of the others must be nothing. */
function checkIndependent(operation: string, calls: readonly Call[], losses: Tensor, n: number): void {
  const first = select(losses, 0, 0);
  if (!first.requiresGrad) return;
  const outputs = calls.map(({ y }) => y);
  const found = grad([first], outputs, { allowUnused: true, retainGraph: true });
  const wrong = calls.find(({ y }, i) => {
    const dy = found[i];
    return dy && y.dims[0] === n && any(slice(dy, { start: 1 })).item() === 1;
  });
  if (wrong === undefined) return;
  throw mixing(operation, `${wrong.name === '' ? 'the model' : wrong.name}, ${wrong.layer}, or after it`);
}

/** The gradients of layers with rules, and the parameters that these do not tell everything of. */
function together(calls: readonly Call[], covered: readonly Tensor[], losses: Tensor, n: number) {
  const outputs = calls.map(({ y }) => y);
  const total = sum(losses);
  const found = total.requiresGrad ? grad([total], [...outputs, ...covered], { allowUnused: true }) : [];
  const elsewhere = new Set(covered.filter((_, i) => found[outputs.length + i]));
  const sums = new Map<Tensor, Tensor>();
  for (const [i, { layer, x, y }] of calls.entries()) {
    const dy = found[i];
    const rule = ruleOf(layer);
    if (!dy || rule === null) continue;
    if (x.dims[0] !== n || y.dims[0] !== n || x.rank < rule.rank(layer)) {
      for (const p of layer.parameters({ recurse: false })) elsewhere.add(p);
      continue;
    }
    for (const [key, gradient] of Object.entries(gradientsBy(rule, layer, x, dy))) {
      const parameter = (layer as unknown as Record<string, Tensor | null>)[key];
      if (!parameter?.requiresGrad) continue;
      const before = sums.get(parameter);
      sums.set(parameter, before === undefined ? gradient : noGrad(() => add(before, gradient)));
    }
  }
  return { sums, elsewhere };
}

/** The gradients of some parameters, with a pass for each sample. */
function oneByOne(some: readonly Tensor[], loss: Loss, inputs: readonly Tensor[], n: number): [Tensor, Tensor][] {
  if (some.length === 0) return [];
  const rows = Array.from({ length: n }, (_, i) => {
    const own = enableGrad(() => sum(loss(...inputs.map((x) => slice(x, { start: i, end: i + 1 })))));
    return own.requiresGrad ? grad([own], [...some], { allowUnused: true }) : [];
  });
  return some.map((p, k) => [p, stack(rows.map((row) => row[k] ?? zeros(p.dims, { dtype: p.dtype })))]);
}
