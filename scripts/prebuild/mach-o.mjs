// Reads what a library of macOS needs and exports.
import { readFileSync } from 'node:fs';
import { pageHashes } from './code-signature.mjs';

const commands = { 12: 'needed', 2147483672: 'needed', 2147483679: 'needed', 2147483676: 'path' };
const [buildVersion, minVersion, exportsTrie, dyldInfo, dyldInfoOnly, signature] = [
  0x32, 0x24, 0x80000033, 0x22, 0x80000022, 0x1d,
];
/** In the header: it has symbols that others may replace (MH_WEAK_DEFINES), or takes such (MH_BINDS_TO_WEAK). */
export const weakFlags = 0x8000 | 0x10000;

/** The load commands of a 64-bit Mach-O file: { command, at: its position, size }. */
function* loadCommands(bytes) {
  let at = 32;
  for (let i = 0; i < bytes.readUInt32LE(16); i++) {
    const [command, size] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    yield { command, at, size };
    at += size;
  }
}

/** Where a library has what says where its tables are (`info`), and its signature, if any. */
export function layout(bytes) {
  const found = [...loadCommands(bytes)];
  const info = found.find(({ command }) => command === dyldInfoOnly)?.at;
  const signed = found.find(({ command }) => command === signature)?.at;
  if (info === undefined) throw new Error('the library has no tables that this script knows');
  return { info, signature: signed && bytes.readUInt32LE(signed + 8) };
}

/**
 * { processor, minOs, needed: files, paths, exports: names, isWeak: whether it shares symbols with other libraries that
 * have them, such as `operator new`, signed: whether it has a signature that fits } of a 64-bit Mach-O file.
 */
export function readMachO(file) {
  const bytes = readFileSync(file);
  if (bytes.readUInt32LE(0) !== 0xfeedfacf) throw new Error(`${file} is no Mach-O file`);
  const seen = { processor: { 16777223: 'x64', 16777228: 'arm64' }[bytes.readUInt32LE(4)] };
  Object.assign(seen, { needed: [], paths: [], exports: [], signed: false });
  seen.isWeak = (bytes.readUInt32LE(24) & weakFlags) !== 0;
  for (const { command, at, size } of loadCommands(bytes)) {
    const number = (offset) => bytes.readUInt32LE(at + offset);
    const text = () => bytes.toString('latin1', at + number(8), at + size).replace(/\0.*$/s, '');
    const namesAt = (offset) =>
      exported(bytes.subarray(number(offset), number(offset) + number(offset + 4))).map(({ name }) => name);
    const kind = commands[command];
    if (kind === 'needed') seen.needed.push(text());
    if (kind === 'path') seen.paths.push(text());
    if (command === buildVersion) seen.minOs = number(12);
    if (command === minVersion) seen.minOs = number(8);
    if (command === signature)
      seen.signed = pageHashes(bytes, number(8)).every(({ stored, right }) => right.equals(stored));
    if (command === exportsTrie) seen.exports = namesAt(8);
    if (command === dyldInfo || command === dyldInfoOnly) {
      seen.exports = namesAt(40);
      seen.isWeak ||= number(28) > 0;
    }
  }
  seen.minOs = `${seen.minOs >> 16}.${(seen.minOs >> 8) & 255}`;
  return seen;
}

/** The number of seven bits a byte at a position, and the position after it. */
export function uleb(bytes, position) {
  let [value, shift] = [0, 0];
  for (let next = position; ; next++, shift += 7) {
    value |= (bytes[next] & 127) << shift;
    if (bytes[next] < 128) return [value, next + 1];
  }
}

/** What a tree of exports holds: { name: without its underscore, value: flags and address as they are written }. */
export function exported(trie) {
  const found = [];
  const visit = (node, name) => {
    const [size, begin] = uleb(trie, node);
    if (size > 0) found.push({ name: name.replace(/^_/, ''), value: trie.subarray(begin, begin + size) });
    let position = begin + size;
    const children = trie[position++];
    for (let i = 0; i < children; i++) {
      const end = trie.indexOf(0, position);
      const edge = trie.toString('latin1', position, end);
      const [child, next] = uleb(trie, end + 1);
      position = next;
      visit(child, name + edge);
    }
  };
  if (trie.length > 0) visit(0, '');
  return found;
}
