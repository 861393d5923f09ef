// Reads what a library of macOS needs and exports.
import { readFileSync } from 'node:fs';

const commands = { 12: 'needed', 2147483672: 'needed', 2147483679: 'needed', 2147483676: 'path' };
const [buildVersion, minVersion, exportsTrie, dyldInfo, dyldInfoOnly, signature] = [
  0x32, 0x24, 0x80000033, 0x22, 0x80000022, 0x1d,
];
const weakDefines = 0x8000;
const bindsToWeak = 0x10000;

/**
 * { processor, minOs, needed: files, paths, exports: names, isWeak: whether it shares symbols with other libraries that
 * have them, such as `operator new`, signed: whether it has a signature } of a 64-bit Mach-O file.
 */
export function readMachO(file) {
  const bytes = readFileSync(file);
  if (bytes.readUInt32LE(0) !== 0xfeedfacf) throw new Error(`${file} is no Mach-O file`);
  const flags = bytes.readUInt32LE(24);
  const seen = { processor: { 16777223: 'x64', 16777228: 'arm64' }[bytes.readUInt32LE(4)] };
  Object.assign(seen, { needed: [], paths: [], exports: [], signed: false });
  seen.isWeak = (flags & (weakDefines | bindsToWeak)) !== 0;
  let at = 32;
  for (let i = 0; i < bytes.readUInt32LE(16); i++) {
    const command = bytes.readUInt32LE(at);
    const number = (offset) => bytes.readUInt32LE(at + offset);
    const size = number(4);
    const text = () => bytes.toString('latin1', at + number(8), at + size).replace(/\0.*$/s, '');
    const kind = commands[command];
    if (kind === 'needed') seen.needed.push(text());
    if (kind === 'path') seen.paths.push(text());
    if (command === buildVersion) seen.minOs = number(12);
    if (command === minVersion) seen.minOs = number(8);
    if (command === signature) seen.signed = true;
    if (command === exportsTrie) seen.exports = names(bytes.subarray(number(8), number(8) + number(12)));
    if (command === dyldInfo || command === dyldInfoOnly) {
      seen.exports = names(bytes.subarray(number(40), number(40) + number(44)));
    }
    at += size;
  }
  seen.minOs = `${seen.minOs >> 16}.${(seen.minOs >> 8) & 255}`;
  return seen;
}

/** The names in a tree of exports, without their underscore. */
function names(trie) {
  const found = [];
  const number = (position) => {
    let [value, shift] = [0, 0];
    for (let next = position; ; next++, shift += 7) {
      value |= (trie[next] & 127) << shift;
      if (trie[next] < 128) return [value, next + 1];
    }
  };
  const visit = (node, name) => {
    const [size, begin] = number(node);
    if (size > 0) found.push(name.replace(/^_/, ''));
    let position = begin + size;
    const children = trie[position++];
    for (let i = 0; i < children; i++) {
      const end = trie.indexOf(0, position);
      const edge = trie.toString('latin1', position, end);
      const [child, next] = number(end + 1);
      position = next;
      visit(child, name + edge);
    }
  };
  if (trie.length > 0) visit(0, '');
  return found;
}
