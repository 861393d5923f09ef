// A copy of the project with other contents in some files. It is kept, so that only the first build is a whole one.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, run, SetupError } from '../steps.mjs';

const made = ['build', 'dist', 'node_modules'];

/** @param {string} folder where the copy goes @param {Map<string, string>} contents of files that differ or are new */
export function copyProject(folder, contents) {
  const { status, output } = run('git', ['ls-files', '--cached', '--others', '--exclude-standard']);
  if (status !== 0) throw new SetupError(`git ls-files failed: ${output}`);
  const listed = output.split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
  const files = new Set([...listed, ...contents.keys()]);
  for (const file of filesIn(folder)) if (!files.has(file)) rmSync(join(folder, file));
  for (const file of files) {
    const path = join(folder, file);
    const bytes = contents.has(file) ? Buffer.from(contents.get(file)) : readFileSync(join(root, file));
    if (existsSync(path) && readFileSync(path).equals(bytes)) continue; // its time stays, and nothing is built for it
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  const modules = join(folder, 'node_modules');
  if (!existsSync(modules)) symlinkSync(join(root, 'node_modules'), modules);
}

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (made.includes(entry.name)) return [];
    if (!entry.isDirectory()) return [entry.name];
    const all = readdirSync(join(folder, entry.name), { withFileTypes: true, recursive: true });
    return all.filter((e) => e.isFile()).map((e) => join(e.parentPath ?? e.path, e.name).slice(folder.length + 1));
  });
}
