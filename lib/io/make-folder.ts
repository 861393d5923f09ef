import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * @internal Makes a folder and those around it. Node's own `mkdirSync` with `recursive` never returns where the system says that
 * a folder is missing whose parent is there: under /proc, behind a link that leads nowhere, on a mount that is gone.
 *
 * @returns the outermost folder that was made; undefined if it was there
 * @throws the system's error
 */
export function makeFolder(path: string): string | undefined {
  const folder = resolve(path);
  const parent = dirname(folder);
  const made = existsSync(parent) ? undefined : makeFolder(parent);
  try {
    mkdirSync(folder);
    return made ?? folder;
  } catch (error) {
    // Another process may have been faster.
    if (
      (error as NodeJS.ErrnoException).code === 'EEXIST' &&
      statSync(folder, { throwIfNoEntry: false })?.isDirectory()
    )
      return made;
    throw error;
  }
}
