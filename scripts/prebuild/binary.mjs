// What a prebuilt binary must be: small, no newer than the system it promises, needing nothing that Node.js does not.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { root, run, SetupError } from '../steps.mjs';
import { readMachO } from './mach-o.mjs';
import { readPe } from './pe.mjs';
import { glibcFloor, macosFloor, maxBytes } from './targets.mjs';

/** The libraries that Node.js's own executable needs, and those that each process has. */
const mayNeed = {
  // libgcc_s for C++ exceptions; the last ones are the loader.
  linux:
    /^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|libgcc_s\.so\.1|ld-linux-.*|libc\.so|libc\.musl-.*)$/,
  darwin: /^\/usr\/lib\/libSystem\.B\.dylib$/,
  // The C library of Windows 10 and later.
  win32: /^(kernel32|ntdll|api-ms-win-crt-[a-z]+-l1-1-0)\.dll$/i,
};

/** What may be exported: Node-API's entries. */
export const entries = /^(napi_|node_api_)/;

const number = (version) => {
  const [major, minor = 0, patch = 0] = version.split('.').map(Number);
  return (major * 1000 + minor) * 1000 + patch;
};
const newest = (versions) => [...new Set(versions)].sort((a, b) => number(a) - number(b)).at(-1);

function inspectElf(file, { triplet }) {
  const { status, output } = run(`${triplet}-objdump`, ['-p', '-T', file]);
  if (status !== 0) throw new SetupError(`objdump cannot read ${file}\n${output}`);
  const symbols = output.split('\n').filter((line) => /^\S+ +[^w]*\*UND\*/.test(line)); // without weak ones
  return {
    needed: [...output.matchAll(/NEEDED\s+(\S+)/g)].map((match) => match[1]),
    paths: [...output.matchAll(/(?:RUNPATH|RPATH)\s+(\S+)/g)].map((match) => match[1]),
    oldest: newest([...output.matchAll(/GLIBC_([\d.]+)/g)].map((match) => match[1])),
    free: symbols.filter((line) => !/\(?[A-Z]+_[\d.]+\)?\s/.test(line)).map((line) => line.trim().split(/\s+/).at(-1)),
    exported: output
      .split('\n')
      .filter((line) => / g .*\.text/.test(line))
      .map((line) => line.trim().split(/\s+/).at(-1)),
  };
}

function inspectPe(file) {
  const { machine, imports, exports } = readPe(file);
  return { processor: machine === 0x8664 ? 'x64' : machine, needed: imports, paths: [], exported: exports };
}

function inspectMachO(file) {
  const { exports, minOs, ...seen } = readMachO(file);
  return { ...seen, exported: exports, oldest: minOs };
}

/** What a binary needs and offers: its size, its libraries, the oldest system that has them, its exports. */
export function inspect(file, target) {
  const read = { linux: inspectElf, win32: inspectPe, darwin: inspectMachO }[target.platform];
  const bytes = readFileSync(file);
  return { bytes: bytes.length, machine: pathsIn(bytes), ...read(file, target) };
}

/** The paths in a binary that lie in the folder of this project, or in the home of who builds it. */
function pathsIn(bytes) {
  const begins = [root, homedir()]
    .map((folder) => (folder === '/' ? -1 : bytes.indexOf(`${folder}/`)))
    .filter((at) => at >= 0);
  return [...new Set(begins)].map((begin) => /^[ -~]+/.exec(bytes.toString('latin1', begin, begin + 200))[0]);
}

function faultsOfElf({ oldest, free }, { libc }) {
  const wrong = [];
  if (libc === 'musl' && oldest) wrong.push(`no symbol of glibc, got GLIBC_${oldest}`);
  if (libc === 'glibc') {
    if (oldest === undefined || number(oldest) > number(glibcFloor)) {
      wrong.push(`symbols up to GLIBC_${glibcFloor}, got GLIBC_${oldest}`);
    }
    // A symbol that the old glibc lacks is left without a version: it would be missed at load.
    const open = free.filter((name) => !/^(napi_|node_api_|__gmon_start__|_ITM_|__cxa_finalize)/.test(name));
    if (open.length > 0) wrong.push(`every symbol found in glibc ${glibcFloor}, got ${open.join(', ')}`);
  }
  return wrong;
}

function faultsOfMachO({ oldest, isWeak, signed }, { arch }) {
  const wrong = [];
  if (number(oldest) > number(macosFloor)) wrong.push(`macOS ${macosFloor} as the oldest, got ${oldest}`);
  if (isWeak) wrong.push('no symbols that it shares with other libraries, such as those of C++');
  if (arch === 'arm64' && !signed)
    wrong.push('a signature that fits, without which macOS loads nothing on this processor');
  return wrong;
}

/** Throws for a binary that would not load where its name promises. Returns what `inspect` saw. */
export function checkBinary(file, target) {
  const seen = inspect(file, target);
  const wrong = [];
  if (seen.bytes > maxBytes) wrong.push(`at most ${maxBytes} bytes, got ${seen.bytes}`);
  const strange = seen.needed.filter((name) => !mayNeed[target.platform].test(name));
  if (strange.length > 0) wrong.push(`no library beside those of Node.js, got ${strange.join(', ')}`);
  if (target.platform === 'linux') wrong.push(...faultsOfElf(seen, target));
  if (target.platform === 'darwin') wrong.push(...faultsOfMachO(seen, target));
  if (target.platform !== 'linux' && seen.processor !== target.arch) {
    wrong.push(`code for ${target.arch}, got ${seen.processor}`);
  }
  if (seen.paths.length > 0) wrong.push(`no paths to look for libraries in, got ${seen.paths.join(', ')}`);
  if (seen.machine.length > 0) wrong.push(`no paths of the machine that built it, got ${seen.machine.join(', ')}`);
  const foreign = seen.exported.filter((name) => !entries.test(name));
  if (foreign.length > 0) wrong.push(`exports of Node-API alone, got ${foreign.slice(0, 5).join(', ')}`);
  if (!seen.exported.includes('napi_register_module_v1')) wrong.push('the entry of Node-API, got none');
  if (wrong.length > 0) throw new SetupError(`${file}: a prebuilt binary must have ${wrong.join('; and ')}`);
  return seen;
}
