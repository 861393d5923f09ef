import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StateError } from '../errors.js';

/** @internal A package that the user installs if it is needed: looked for from the program's folder, then from the library's own. */
export async function optionalPackage(operation: string, name: string): Promise<unknown> {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    let path: string;
    try {
      path = createRequire(from).resolve(name);
    } catch {
      continue; // not to be found from there
    }
    return import(pathToFileURL(path).href);
  }
  throw new StateError(`${operation}: needs the package ${name}, got none installed; npm install ${name}`);
}
