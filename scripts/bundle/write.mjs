// Writes pieces of the bundle as files, each with a source map of its own.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { decode, encode } from '@jridgewell/sourcemap-codec';

/** @typedef {import('./texts.mjs').Piece} Piece */

/**
 * @param {string} path
 * @param {Piece[]} pieces
 * @param {{ code: string, map: any, dist: string }} bundle its map names sources relative to `dist`
 */
export function writePieces(path, pieces, { code, map, dist }) {
  const [lines, segments] = [code.split('\n'), decode(map.mappings)];
  /** @type {string[]} */
  const text = [];
  /** @type {(typeof segments)} */
  const mapped = [];
  for (const piece of pieces) {
    const isWritten = typeof piece === 'string';
    const added = isWritten ? piece.split('\n') : lines.slice(piece.begin, piece.end);
    text.push(...added);
    mapped.push(...(isWritten ? added.map(() => []) : segments.slice(piece.begin, piece.end)));
  }
  const used = [...new Set(mapped.flat().flatMap((segment) => segment[1] ?? []))];
  const sources = used.map((i) => relative(dirname(path), join(dist, map.sources[i])).replaceAll('\\', '/'));
  // Where a line of lib begins; columns would be half of the map.
  const begins = mapped.map((line) => line.filter((s, i) => s[1] !== line[i - 1]?.[1] || s[2] !== line[i - 1]?.[2]));
  const numbered = begins.map((line) =>
    line.map((segment) =>
      segment.length === 1
        ? segment
        : /** @type {const} */ ([segment[0], used.indexOf(segment[1]), segment[2], segment[3]]),
    ),
  );
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text.join('\n')}\n//# sourceMappingURL=${basename(path)}.map\n`);
  writeFileSync(
    `${path}.map`,
    JSON.stringify({ version: 3, file: basename(path), sources, names: [], mappings: encode(numbered) }),
  );
}
