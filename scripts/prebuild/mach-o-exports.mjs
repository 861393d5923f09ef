// Zig's linker exports all that no source hides: assembly, C++'s `operator new`, names of its own. What it linked is
// changed so that it exports what it should.
import { readFileSync, writeFileSync } from 'node:fs';
import { pageHashes } from './code-signature.mjs';
import { exported, layout, uleb, weakFlags } from './mach-o.mjs';

/**
 * Leaves a library of macOS only the exports whose names match `kept`. What it has of its own is then never replaced by
 * what another library has under that name, so that it is bound at the link; the signature is made to fit.
 */
export function keepExports(file, kept) {
  const bytes = readFileSync(file);
  const { info, signature } = layout(bytes);
  const part = (field) => {
    const [begin, size] = [bytes.readUInt32LE(info + field), bytes.readUInt32LE(info + field + 4)];
    return { begin, end: begin + size, bytes: Buffer.from(bytes.subarray(begin, begin + size)) };
  };
  const [rebase, bind, weak, lazy, trie] = [8, 16, 24, 32, 40].map(part);
  // A pointer that the linker has set, and that moves with the library, is right without the look at other libraries.
  const set = new Set(places(rebase.bytes, rebaseSteps));
  const open = places(weak.bytes, bindSteps).filter((place) => !set.has(place));
  if (open.length > 0) throw new Error(`${file} leaves ${open.length} names to other libraries, such as at ${open[0]}`);
  if (weak.begin !== bind.end || lazy.begin !== weak.end || trie.begin !== lazy.end) {
    throw new Error(`${file} does not have its tables in the order of the linker`);
  }
  // The tables stay without gaps, as Apple's tools want them: the last one is filled up with zeros.
  bytes.fill(0, weak.begin, trie.end);
  lazy.bytes.copy(bytes, weak.begin);
  const begin = weak.begin + lazy.bytes.length;
  flatTrie(exported(trie.bytes).filter(({ name }) => kept.test(name))).copy(bytes, begin);
  [0, 0, weak.begin, lazy.bytes.length, begin, trie.end - begin].forEach((value, i) => {
    bytes.writeUInt32LE(value, info + 24 + 4 * i);
  });
  bytes.writeUInt32LE(bytes.readUInt32LE(24) & ~weakFlags, 24);
  if (signature) for (const { stored, right } of pageHashes(bytes, signature)) right.copy(stored);
  writeFileSync(file, bytes);
}

/** The tree of exports in which each name is a child of the root. */
function flatTrie(entries) {
  const nodes = entries.map(({ value }) => Buffer.from([value.length, ...value, 0]));
  const edges = entries.map(({ name }) => Buffer.from(`_${name}\0`, 'latin1'));
  let at = 2 + edges.reduce((sum, edge) => sum + edge.length + 2, 0);
  const parts = [Buffer.from([0, entries.length])];
  edges.forEach((edge, i) => {
    parts.push(edge, Buffer.from([(at & 127) | 128, at >> 7])); // a number of two bytes, up to 16,383
    at += nodes[i].length;
  });
  return Buffer.concat([...parts, ...nodes]);
}

/**
 * The places that a table of `rebase` or `bind` instructions names, as `segment:offset`. steps: what instructions do, by
 * their upper four bits, with `number` for the number that follows and `low` for the lower four bits.
 */
function places(table, steps) {
  const found = [];
  let position = 0;
  const state = {
    segment: 0,
    offset: 0,
    number() {
      const [value, next] = uleb(table, position);
      position = next;
      return value;
    },
    name() {
      position = table.indexOf(0, position) + 1;
    },
    point(times = 1, skip = 0) {
      for (let i = 0; i < times; i++) {
        found.push(`${state.segment}:${state.offset}`);
        state.offset += 8 + skip;
      }
    },
    to(segment) {
      state.segment = segment;
      state.offset = state.number();
    },
  };
  while (position < table.length) {
    const code = table[position++];
    if (code >> 4 === 0) break;
    const one = steps[code >> 4];
    if (!one) throw new Error(`the table has an instruction that this script does not know, ${code}`);
    one(state, code & 15);
  }
  return found;
}

const rebaseSteps = {
  1: () => {}, // the type
  2: (state, low) => state.to(low),
  3: (state) => {
    state.offset += state.number();
  },
  4: (state, low) => {
    state.offset += 8 * low;
  },
  5: (state, low) => state.point(low),
  6: (state) => state.point(state.number()),
  7: (state) => state.point(1, state.number()),
  8: (state) => state.point(state.number(), state.number()),
};

const bindSteps = {
  4: (state) => state.name(),
  5: () => {}, // the type
  6: (state) => state.number(), // what is added
  7: (state, low) => state.to(low),
  8: (state) => {
    state.offset += state.number();
  },
  9: (state) => state.point(),
  10: (state) => state.point(1, state.number()),
  11: (state, low) => state.point(1, 8 * low),
  12: (state) => state.point(state.number(), state.number()),
};
