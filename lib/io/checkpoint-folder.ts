// A folder of numbered checkpoints, of which the newest ones are kept.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { syncFolder } from './atomic.js';
import { systemError } from './files.js';
import { makeFolder } from './make-folder.js';

const pattern = /^checkpoint-(\d{6,15})\.safetensors$/;

/** Whether there is a folder of this name. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The numbers of the checkpoints in a folder, the newest first. */
export function numbersIn(operation: string, folder: string): number[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw systemError(operation, 'read', folder, cause);
  }
  const numbers = names.map((name) => Number(pattern.exec(name)?.[1] ?? Number.NaN)).filter((n) => !Number.isNaN(n));
  return numbers.sort((a, b) => b - a);
}

/** The path of a numbered checkpoint. */
export function numbered(folder: string, number: number): string {
  return join(folder, `checkpoint-${String(number).padStart(6, '0')}.safetensors`);
}

/** The path of the next checkpoint of a folder, which is made if there is none. */
export function nextIn(operation: string, folder: string): string {
  try {
    if (makeFolder(folder) !== undefined) syncFolder(dirname(resolve(folder)));
  } catch (cause) {
    throw systemError(operation, 'write', folder, cause);
  }
  return numbered(folder, (numbersIn(operation, folder)[0] ?? 0) + 1);
}

/** Removes all but the newest checkpoints. One that cannot be removed stays: the new one is safe in any case. */
export function keepNewest(operation: string, folder: string, keep: number): void {
  for (const number of numbersIn(operation, folder).slice(keep)) {
    try {
      rmSync(numbered(folder, number), { force: true });
    } catch {
      // ignored
    }
  }
}
