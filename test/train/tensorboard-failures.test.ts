// TensorBoard's file on a disk that fills up.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { FileError, train } from '../../lib/index.js';
import { entriesOf, recordsOf } from '../support/tensorboard.js';

/** How many bytes the disk takes. */
let room = Number.POSITIVE_INFINITY;
vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  const writeSync = (descriptor: number, bytes: Uint8Array, from: number, length: number, place: number): number => {
    if (room === 0) throw Object.assign(new Error('ENOSPC: planted'), { code: 'ENOSPC' });
    const written = original.writeSync(descriptor, bytes, from, Math.min(length, room), place);
    room -= written;
    return written;
  };
  return { ...original, writeSync };
});

const folder = mkdtempSync(join(tmpdir(), 'adjoint-tensorboard-full-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('an entry that finds no room leaves the file as it was, and the next one follows', () => {
  const board = new train.TensorBoard(join(folder, 'run'));
  board.addScalar('a', 1, 1);
  const before = readFileSync(board.path);
  for (const bytes of [0, 1, 20, 30]) {
    room = bytes;
    expect(() => board.addScalar('a', 2, 2)).toThrow(
      new FileError(`TensorBoard.addScalar: cannot write ${JSON.stringify(board.path)} (ENOSPC: planted)`),
    );
    expect(readFileSync(board.path)).toEqual(before);
  }
  room = Number.POSITIVE_INFINITY;
  board.addScalar('a', 3, 3);
  expect(entriesOf(readFileSync(board.path)).map(({ step }) => step)).toEqual([1, 3]);
  expect(recordsOf(readFileSync(board.path))).toHaveLength(3);
  board.close();
});

it.each([0, 10, 45])('a writer that finds room for %i bytes alone leaves no file', (bytes) => {
  room = bytes;
  expect(() => new train.TensorBoard(join(folder, `new${bytes}`), { purgeStep: 1 })).toThrow(FileError);
  expect(readdirSync(join(folder, `new${bytes}`))).toEqual([]);
  room = Number.POSITIVE_INFINITY;
});
