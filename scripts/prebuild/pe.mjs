// Reads what a DLL of Windows imports and exports.
import { readFileSync } from 'node:fs';

/** { machine, imports: files, exports: names } of a 64-bit PE file. */
export function readPe(file) {
  const bytes = readFileSync(file);
  const pe = bytes.readUInt32LE(0x3c);
  if (bytes.toString('latin1', pe, pe + 4) !== 'PE\0\0') throw new Error(`${file} is no PE file`);
  const optional = pe + 24;
  const sections = optional + bytes.readUInt16LE(pe + 20);
  /** The place in the file of what is loaded at an address relative to the image. */
  const place = (address) => {
    for (let i = 0; i < bytes.readUInt16LE(pe + 6); i++) {
      const section = sections + 40 * i;
      const begin = bytes.readUInt32LE(section + 12);
      if (address >= begin && address < begin + bytes.readUInt32LE(section + 16)) {
        return address - begin + bytes.readUInt32LE(section + 20);
      }
    }
    throw new Error(`${file} has no section for ${address}`);
  };
  const text = (address) => {
    const begin = place(address);
    return bytes.toString('latin1', begin, bytes.indexOf(0, begin));
  };
  const directory = (index) => bytes.readUInt32LE(optional + 112 + 8 * index);
  return {
    machine: bytes.readUInt16LE(pe + 4),
    imports: [...imported(bytes, place, directory(1), 20, 12), ...imported(bytes, place, directory(13), 32, 4)].map(
      text,
    ),
    exports: exported(bytes, place, directory(0)).map(text),
  };
}

/** The addresses of the names of the files in a table of imports, whose entries have a size and the name's place. */
function imported(bytes, place, table, size, name) {
  const found = [];
  if (table === 0) return found;
  for (let entry = place(table); bytes.readUInt32LE(entry + name) !== 0; entry += size) {
    found.push(bytes.readUInt32LE(entry + name));
  }
  return found;
}

function exported(bytes, place, table) {
  if (table === 0) return [];
  const names = place(bytes.readUInt32LE(place(table) + 32));
  return Array.from({ length: bytes.readUInt32LE(place(table) + 24) }, (_, i) => bytes.readUInt32LE(names + 4 * i));
}
