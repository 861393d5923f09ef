// Formats native/**/*.{h,cc} as .clang-format says; with --check only names the files that differ.
// The formatter is LLVM's, compiled to WebAssembly: one version for everybody, on every platform.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from '@wasm-fmt/clang-format';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
const style = readFileSync(join(root, '.clang-format'), 'utf8');
const files = readdirSync(join(root, 'native'), { recursive: true }).filter((file) => /\.(h|cc)$/.test(file));
const started = performance.now();
let different = 0;
for (const file of files.sort()) {
  const path = join(root, 'native', file);
  const before = readFileSync(path, 'utf8');
  const after = format(before, path, style);
  if (after === before) continue;
  different += 1;
  if (!check) writeFileSync(path, after);
  console.log(`native/${file}: ${check ? 'not formatted; run npm run format' : 'formatted'}`);
}
console.log(
  `Formatted as .clang-format says: ${files.length - different} of ${files.length} files (${Math.round(performance.now() - started)} ms)`,
);
if (check && different > 0) process.exitCode = 1;
