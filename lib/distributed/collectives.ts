// What all processes of a group do together, and messages between two of them.

import { isRecording } from '../context.js';
import { ArgumentError, checkChoice, checkInteger, DTypeError, describe, ShapeError, StateError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { empty } from '../ops/creation-spaced.js';
import { cat } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { changed, checkTensor, type Tensor } from '../tensor.js';
import { groupOf } from './init.js';
import type { ProcessGroup, ReduceOp } from './process-group.js';

/** Options of collectives. */
export interface GroupOptions {
  /** Default: all processes of the run. */
  group?: ProcessGroup;
}

/** Options of {@link allReduce_}. */
export interface ReduceOptions extends GroupOptions {
  /** How the values of all processes are put together; default sum. */
  op?: ReduceOp;
}

/** Options of {@link send} and {@link recv}. */
export interface MessageOptions extends GroupOptions {
  /** Messages of one tag arrive in the order in which they are sent; default 0. */
  tag?: number;
}

const ops = ['sum', 'mean', 'min', 'max'] as const;

function start(operation: string, options: GroupOptions | undefined, known: readonly string[] = []): ProcessGroup {
  checkOptions(operation, options, [...known, 'group']); // the first one is the example of a hint
  const group = groupOf(operation, options?.group);
  if (isRecording()) {
    const hint = 'nn.DistributedDataParallel averages gradients in compiled steps';
    throw new StateError(`${operation}: a compiled function must not call it; ${hint}`);
  }
  group._checkOpen(operation);
  return group;
}

/** A tensor that is written: by nobody else, and not by what gradients flow through. */
function target(operation: string, value: unknown): Tensor {
  const x = checkTensor(operation, 'x', value);
  if (x._node !== null) {
    throw new ArgumentError(`${operation}: x must not be the result of ${x._node.name} on a graph; use x.detach()`);
  }
  return x;
}

function rootOf(operation: string, name: string, group: ProcessGroup, value: unknown): number {
  return checkInteger(operation, name, value, 0, group.size - 1);
}

/**
 * Puts the values of all processes together, element by element, and leaves the result in each: x ← x₀ + x₁ + … for `sum`.
 * All get the same bits.
 *
 * @param x of one shape and dtype in all processes; `mean` needs floats
 * @throws DistributedError that names the process when one is lost, or does something else
 * @example
 * const loss = tensor([1, 2]);
 * await distributed.allReduce_(loss, { op: 'mean' });
 */
export async function allReduce_(x: Tensor, options: ReduceOptions = {}): Promise<Tensor> {
  const name = 'allReduce_';
  const group = start(name, options, ['op']);
  const t = target(name, x);
  const op = checkChoice(name, 'op', options.op, ops, 'sum');
  if (op === 'mean' && t.dtype !== 'float32' && t.dtype !== 'float64') {
    throw new DTypeError(`${name}: mean needs a float tensor, got ${t.dtype}; use sum`);
  }
  await group._run(`${name} ${op}`, 'allReduce', { subject: t, op: op === 'mean' ? 'sum' : op });
  changed(t);
  if (op === 'mean' && group.size > 1) t.div_(group.size);
  return t;
}

/**
 * Gives all processes the values of one: x ← x of rank `src`.
 *
 * @param x of one shape and dtype in all processes
 * @param src the rank, within the group, whose values are taken
 * @throws DistributedError as {@link allReduce_}
 * @example
 * await distributed.broadcast_(tensor([1, 2]), 0);
 */
export async function broadcast_(x: Tensor, src: number, options: GroupOptions = {}): Promise<Tensor> {
  const name = 'broadcast_';
  const group = start(name, options);
  const t = target(name, x);
  await group._run(name, 'broadcast', { subject: t, number: rootOf(name, 'src', group, src) });
  changed(t);
  return t;
}

/**
 * Gathers the tensors of all processes.
 *
 * @param x of one shape and dtype in all processes
 * @returns one tensor for each process, in the order of ranks
 * @throws DistributedError as {@link allReduce_}
 * @example
 * const [first] = await distributed.allGather(tensor([1, 2]));
 */
export async function allGather(x: Tensor, options: GroupOptions = {}): Promise<Tensor[]> {
  const name = 'allGather';
  const group = start(name, options);
  const t = checkTensor(name, 'x', x).detach();
  if (group.size === 1) return [t.clone()];
  const result = empty([group.size, ...t.shape], { dtype: t.dtype });
  await group._run(name, 'allGather', { subject: t, result });
  return result.unbind(0);
}

/**
 * Reduces one tensor for each process, and leaves each with its own: the result in rank r is Σₛ xs[r] of rank s.
 *
 * @param xs one tensor for each process, all of one shape and dtype
 * @throws DistributedError as {@link allReduce_}
 * @example
 * const mine = await distributed.reduceScatter([tensor([1, 2])]);
 */
export async function reduceScatter(xs: readonly Tensor[], options: ReduceOptions = {}): Promise<Tensor> {
  const name = 'reduceScatter';
  const group = start(name, options, ['op']);
  const op = checkChoice(name, 'op', options.op, ops, 'sum');
  if (!Array.isArray(xs) || xs.length !== group.size) {
    throw new ArgumentError(
      `${name}: xs must be an array of ${group.size} tensors, one for each process, got ${describe(xs)}`,
    );
  }
  const parts = xs.map((x) => checkTensor(name, 'each of xs', x).detach());
  const [first] = parts as [Tensor];
  for (const part of parts) {
    if (part.dtype !== first.dtype)
      throw new DTypeError(`${name}: xs must have one dtype, got ${first.dtype} and ${part.dtype}`);
    if (part.shape.join() !== first.shape.join()) {
      throw new ShapeError(
        `${name}: xs must have one shape, got [${first.shape.join(', ')}] and [${part.shape.join(', ')}]`,
      );
    }
  }
  if (op === 'mean' && first.dtype !== 'float32' && first.dtype !== 'float64') {
    throw new DTypeError(`${name}: mean needs float tensors, got ${first.dtype}; use sum`);
  }
  if (group.size === 1) return first.clone();
  const subject = cat(
    parts.map((part) => part.reshape(-1)),
    0,
  );
  const result = empty(first.shape.slice(), { dtype: first.dtype });
  await group._run(`${name} ${op}`, 'reduceScatter', { subject, result, op: op === 'mean' ? 'sum' : op });
  return op === 'mean' ? result.div_(group.size) : result;
}

/**
 * Waits until all processes of the group have called it.
 *
 * @throws DistributedError as {@link allReduce_}
 * @example
 * await distributed.barrier();
 */
export async function barrier(options: GroupOptions = {}): Promise<void> {
  await start('barrier', options)._run('barrier', 'barrier', {});
}

/**
 * Sends a tensor to another process, which receives it by {@link recv}.
 *
 * @param dst the rank, within the group, that it is for
 * @throws DistributedError when that process is lost
 * @example
 * if (distributed.getWorldSize() > 1 && distributed.getRank() === 0) await distributed.send(tensor([1]), 1);
 */
export async function send(x: Tensor, dst: number, options: MessageOptions = {}): Promise<void> {
  const name = 'send';
  const group = start(name, options, ['tag']);
  const t = checkTensor(name, 'x', x).detach();
  await group._run(name, 'send', { subject: t, number: peerOf(name, 'dst', group, dst), tag: tagOf(name, options) });
}

/**
 * Receives what another process sends, into x.
 *
 * @param x of the shape and dtype of what is sent
 * @param src the rank, within the group, that sends it
 * @throws DistributedError when that process is lost, or sends something of another size
 * @example
 * if (distributed.getWorldSize() > 1 && distributed.getRank() === 1) await distributed.recv(zeros([1]), 0);
 */
export async function recv(x: Tensor, src: number, options: MessageOptions = {}): Promise<Tensor> {
  const name = 'recv';
  const group = start(name, options, ['tag']);
  const t = target(name, x);
  await group._run(name, 'receive', { subject: t, number: peerOf(name, 'src', group, src), tag: tagOf(name, options) });
  changed(t);
  return t;
}

function peerOf(operation: string, name: string, group: ProcessGroup, value: unknown): number {
  const peer = rootOf(operation, name, group, value);
  if (peer !== group.rank) return peer;
  throw new ArgumentError(`${operation}: ${name} must be another process, got ${peer}, which is this one`);
}

function tagOf(operation: string, { tag = 0 }: MessageOptions): number {
  return checkInteger(operation, 'tag', tag, 0, 2 ** 31 - 1);
}

/** @internal The bytes of JSON; undefined becomes null. */
function bytesOf(operation: string, value: unknown): Tensor {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new ArgumentError(`${operation}: value must be JSON, got ${describe(value)} (${(cause as Error).message})`, {
      cause,
    });
  }
  return tensor(new Uint8Array(Buffer.from(text ?? 'null')));
}

function fromBytes(bytes: Tensor): unknown {
  return JSON.parse(Buffer.from(bytes.toTypedArray() as Uint8Array).toString());
}

/**
 * Gathers values of all processes: whatever JSON can hold. No code travels.
 *
 * @returns one value for each process, in the order of ranks
 * @throws ArgumentError for a value that JSON cannot hold
 * @example
 * const hosts = await distributed.allGatherObject({ host: 'a' });
 */
export async function allGatherObject(value: unknown, options: GroupOptions = {}): Promise<unknown[]> {
  const name = 'allGatherObject';
  const group = start(name, options);
  const bytes = bytesOf(name, value);
  if (group.size === 1) return [fromBytes(bytes)];
  const lengths = (await allGather(tensor([bytes.size], { dtype: 'int32' }), { group })).map((t) => t.item());
  const longest = Math.max(...lengths);
  const padded = new Uint8Array(longest);
  padded.set(bytes.toTypedArray() as Uint8Array);
  const all = await allGather(tensor(padded), { group });
  return all.map((t, i) => fromBytes(t.narrow(0, 0, lengths[i] as number)));
}

/**
 * Gives all processes a value of one: whatever JSON can hold. No code travels.
 *
 * @param value that of rank `src`; others may give anything
 * @param src the rank, within the group, whose value is taken
 * @throws ArgumentError for a value that JSON cannot hold
 * @example
 * const settings = await distributed.broadcastObject({ lr: 0.1 }, 0);
 */
export async function broadcastObject(value: unknown, src: number, options: GroupOptions = {}): Promise<unknown> {
  const name = 'broadcastObject';
  const group = start(name, options);
  const root = rootOf(name, 'src', group, src);
  const bytes = bytesOf(name, group.rank === root ? value : null);
  if (group.size === 1) return fromBytes(bytes);
  const length = await broadcast_(tensor([bytes.size], { dtype: 'int32' }), root, { group });
  const content = group.rank === root ? bytes : empty([length.item()], { dtype: 'uint8' });
  return fromBytes(await broadcast_(content, root, { group }));
}

/**
 * Like {@link barrier}, but names who has not come when the time is over.
 *
 * @param options timeout: in milliseconds; default 30,000
 * @throws DistributedError that names the processes that are missing
 * @example
 * await distributed.monitoredBarrier({ timeout: 1000 });
 */
export async function monitoredBarrier(options: GroupOptions & { timeout?: number } = {}): Promise<void> {
  const name = 'monitoredBarrier';
  const group = start(name, options, ['timeout']);
  const timeout = checkInteger(name, 'timeout', options.timeout ?? 30_000, 1, 2 ** 31 - 1);
  await group._meet(name, timeout);
}
