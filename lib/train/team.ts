// The processes that train one model together, as the loop of a training sees them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allGatherObject, allReduce_, broadcast_, broadcastObject } from '../distributed/collectives.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import { AdjointError, DistributedError, reword } from '../errors.js';
import { systemError } from '../io/files.js';
import { DistributedDataParallel } from '../nn/data-parallel.js';
import { Module } from '../nn/module.js';
import { tensor } from '../ops/creation.js';
import { empty } from '../ops/creation-spaced.js';
import type { Tensor } from '../tensor.js';

/** A file travels in pieces of so many bytes. */
const piece = 2 ** 26;

/** @internal */
export class Team {
  private constructor(private readonly group: ProcessGroup) {}

  /** That of a `DistributedDataParallel` among these values or in a module among them; null if there is none, or one process. */
  static of(values: Iterable<unknown>): Team | null {
    for (const value of values) {
      if (!(value instanceof Module)) continue;
      for (const module of value.modules()) {
        if (module instanceof DistributedDataParallel && module._group.size > 1) return new Team(module._group);
      }
    }
    return null;
  }

  get size(): number {
    return this.group.size;
  }

  get rank(): number {
    return this.group.rank;
  }

  /** The name of a process in texts: its rank in the whole run. */
  nameOf(rank: number): string {
    return `rank ${this.group.ranks[rank]}`;
  }

  /** A value of each process, by rank: JSON, typed arrays, and numbers that JSON has not. */
  async gather<T>(value: T): Promise<T[]> {
    const texts = await allGatherObject(JSON.stringify(value, replaced), { group: this.group });
    return texts.map((text) => JSON.parse(text as string, revived) as T);
  }

  /** The least of each number over all processes. */
  async least(...numbers: number[]): Promise<number[]> {
    const t = await allReduce_(tensor(Float64Array.from(numbers)), { op: 'min', group: this.group });
    return Array.from(t.toTypedArray());
  }

  /** Gives all processes rank 0's values. */
  async share(tensors: Iterable<Tensor>): Promise<void> {
    for (const t of tensors) await broadcast_(t, 0, { group: this.group });
  }

  /**
   * Passes a file of rank 0's to a function, which is given a copy of it elsewhere.
   *
   * @param path in rank 0; null if there is none
   */
  async withFile(path: string | null, use: (file: string) => void): Promise<string | null> {
    const { rank, group } = this;
    const bytes = rank === 0 && path !== null ? readWhole(path) : null;
    const told = (await broadcastObject({ path, length: bytes?.length ?? 0 }, 0, { group })) as {
      path: string | null;
      length: number;
    };
    if (told.path === null) return null;
    const content = bytes ?? Buffer.alloc(told.length);
    for (let at = 0; at < told.length; at += piece) {
      const part = content.subarray(at, at + piece);
      const t = rank === 0 ? tensor(new Uint8Array(part)) : empty([part.length], { dtype: 'uint8' });
      await broadcast_(t, 0, { group });
      if (rank > 0) part.set(t.toTypedArray() as Uint8Array);
      t.dispose();
    }
    if (rank === 0) use(told.path);
    else withCopy(told.path, content, use);
    return told.path;
  }

  /** The error to throw for one that has ended the training here or elsewhere, which all processes are told of. */
  async failed(operation: string, error: unknown): Promise<unknown> {
    if (!(error instanceof DistributedError)) {
      const text = error instanceof Error ? error.message : String(error);
      await this.group._fail(`${this.nameOf(this.rank)} has failed: ${text}`);
      return error;
    }
    const reason = await this.group._reason();
    if (reason === null) return error;
    const told = new DistributedError(`${operation}: ${reason.message}`, { cause: error });
    if (reason.rank !== undefined) told.rank = reason.rank;
    return told;
  }
}

function withCopy(path: string, content: Uint8Array, use: (file: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
  const file = join(folder, 'checkpoint.safetensors');
  try {
    writeFileSync(file, content);
    use(file);
  } catch (cause) {
    if (cause instanceof AdjointError) reword(cause, cause.message.replaceAll(file, path));
    if (cause instanceof Error && 'syscall' in cause) throw systemError('resume', 'write', folder, cause);
    throw cause;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const arrays = { Int32Array, Float64Array, Float32Array, Uint8Array };
type Kind = keyof typeof arrays;

function replaced(_: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  if (!ArrayBuffer.isView(value)) return value;
  return { $array: value.constructor.name, values: Array.from(value as Float64Array) };
}

function revived(_: string, value: unknown): unknown {
  const { $number, $array, values } = Object(value) as { $number?: string; $array?: Kind; values?: number[] };
  if ($number !== undefined) return Number($number);
  return $array === undefined ? value : arrays[$array].from(values as number[]);
}

function readWhole(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw systemError('loadCheckpoint', 'read', path, cause);
  }
}
