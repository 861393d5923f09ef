// What a prebuilt binary must be: small, no newer than the glibc it promises, needing nothing that Node.js does not.
import { statSync } from 'node:fs';
import { run, SetupError } from '../steps.mjs';
import { glibcFloor, maxBytes } from './targets.mjs';

// Node.js's own executable needs the first five (libgcc_s for C++ exceptions), the rest are the loader.
const mayNeed =
  /^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|libgcc_s\.so\.1|ld-linux-.*|libc\.so|libc\.musl-.*)$/;

const number = (version) => {
  const [major, minor = 0, patch = 0] = version.split('.').map(Number);
  return (major * 1000 + minor) * 1000 + patch;
};
const newest = (versions) => [...new Set(versions)].sort((a, b) => number(a) - number(b)).at(-1);

/** What a binary of Linux needs: its size, its libraries, the newest glibc symbol version, symbols without a version. */
export function inspect(file, { triplet }) {
  if (!triplet) return { bytes: statSync(file).size, needed: [], paths: [], free: [], exported: [] };
  const { status, output } = run(`${triplet}-objdump`, ['-p', '-T', file]);
  if (status !== 0) throw new SetupError(`objdump cannot read ${file}\n${output}`);
  const symbols = output.split('\n').filter((line) => /^\S+ +[^w]*\*UND\*/.test(line)); // without weak ones
  return {
    bytes: statSync(file).size,
    needed: [...output.matchAll(/NEEDED\s+(\S+)/g)].map((match) => match[1]),
    paths: [...output.matchAll(/(?:RUNPATH|RPATH)\s+(\S+)/g)].map((match) => match[1]),
    glibc: newest([...output.matchAll(/GLIBC_([\d.]+)/g)].map((match) => match[1])),
    free: symbols.filter((line) => !/\(?[A-Z]+_[\d.]+\)?\s/.test(line)).map((line) => line.trim().split(/\s+/).at(-1)),
    exported: output
      .split('\n')
      .filter((line) => / g .*\.text/.test(line))
      .map((line) => line.trim().split(/\s+/).at(-1)),
  };
}

/** Throws for a binary that would not load where its name promises. Returns what `inspect` saw. */
export function checkBinary(file, target) {
  const seen = inspect(file, target);
  const wrong = [];
  if (seen.bytes > maxBytes) wrong.push(`at most ${maxBytes} bytes, got ${seen.bytes}`);
  const strange = seen.needed.filter((name) => !mayNeed.test(name));
  if (strange.length > 0) wrong.push(`no library beside those of Node.js, got ${strange.join(', ')}`);
  if (target.libc === 'musl' && seen.glibc) wrong.push(`no symbol of glibc, got GLIBC_${seen.glibc}`);
  if (target.libc === 'glibc') {
    if (seen.glibc === undefined || number(seen.glibc) > number(glibcFloor)) {
      wrong.push(`symbols up to GLIBC_${glibcFloor}, got GLIBC_${seen.glibc}`);
    }
    // A symbol that the old glibc lacks is left without a version: it would be missed at load.
    const open = seen.free.filter((name) => !/^(napi_|node_api_|__gmon_start__|_ITM_|__cxa_finalize)/.test(name));
    if (open.length > 0) wrong.push(`every symbol found in glibc ${glibcFloor}, got ${open.join(', ')}`);
  }
  if (seen.paths.length > 0) wrong.push(`no paths to look for libraries in, got ${seen.paths.join(', ')}`);
  const foreign = seen.exported.filter((name) => !/^(napi_|node_api_)/.test(name));
  if (foreign.length > 0) wrong.push(`exports of Node-API alone, got ${foreign.slice(0, 5).join(', ')}`);
  if (wrong.length > 0) throw new SetupError(`${file}: a prebuilt binary must have ${wrong.join('; and ')}`);
  return seen;
}
