// Characters of many scripts as small pictures, drawn from the outlines in font files: each character is a class, and the fonts
// and small distortions are what differs within it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { rand, tensor } from 'adjoint';
import { coverage, polygons } from './raster.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ type: string, x: number, y: number, x1: number, y1: number, x2: number, y2: number }} Command of an outline */
/** @typedef {'train' | 'development' | 'test'} Part */
/** @typedef {{ name: string, from: number, to: number }} Script a range of Unicode */

/** Width and height of a picture. */
export const side = 20;
/** Pictures of each character. */
export const drawings = 20;

/** Scripts to learn from, to choose settings with, and to test with. @type {Record<Part, Script[]>} */
export const scripts = {
  train: [
    { name: 'Latin', from: 0x21, to: 0x7e },
    { name: 'Latin, further letters', from: 0x180, to: 0x24f },
    { name: 'phonetic', from: 0x250, to: 0x2af },
    { name: 'Cyrillic', from: 0x400, to: 0x52f },
    { name: 'Canadian syllabics', from: 0x1401, to: 0x1676 },
    { name: 'arrows', from: 0x2190, to: 0x21ff },
    { name: 'mathematics', from: 0x2200, to: 0x22ff },
  ],
  development: [
    { name: 'Georgian', from: 0x10a0, to: 0x10ff },
    { name: 'Ogham', from: 0x1680, to: 0x169c },
    { name: 'Lao', from: 0xe81, to: 0xedd },
  ],
  test: [
    { name: 'Greek', from: 0x386, to: 0x3ff },
    { name: 'Armenian', from: 0x531, to: 0x587 },
    { name: 'Hebrew', from: 0x5d0, to: 0x5ea },
    { name: 'Arabic', from: 0x621, to: 0x64a },
    { name: "N'Ko", from: 0x7c0, to: 0x7ea },
    { name: 'Tifinagh', from: 0x2d30, to: 0x2d6f },
  ],
};

const styles = [
  ...['Sans', 'Sans-Bold', 'Sans-Oblique', 'Sans-ExtraLight', 'SansCondensed-BoldOblique', 'SansMono', 'SansMono-Bold'],
  ...['Serif', 'Serif-Bold', 'Serif-Italic', 'SerifCondensed-BoldItalic'],
];

/** @type {any[] | undefined} */
let fonts; // to read them takes a second

/** The fonts: DejaVu, whose styles draw the same scripts. @returns {any[]} */
function readFonts() {
  const load = createRequire(import.meta.url);
  const { parse } = load('opentype.js');
  return styles.map((style) => {
    const { buffer, byteOffset, length } = readFileSync(load.resolve(`dejavu-fonts-ttf/ttf/DejaVu${style}.ttf`));
    return parse(buffer.slice(byteOffset, byteOffset + length));
  });
}

/**
 * The outlines of a character in each font that has it.
 *
 * @param {any[]} fonts
 * @param {string} character
 * @returns {Command[][]}
 */
function outlinesOf(fonts, character) {
  return fonts
    .filter((font) => font.charToGlyphIndex(character) > 0)
    .map((font) => font.charToGlyph(character).getPath(0, 0, 100).commands)
    .filter((commands) => commands.length > 0);
}

/** How a drawing differs from the plain one. */
const plain = { turn: 0, slant: 0, across: 1, up: 1, right: 0, down: 0 };

/**
 * A character of one size in the middle of a picture, or a little beside it.
 *
 * @param {Command[]} commands
 * @param {typeof plain} how
 */
function draw(commands, { turn, slant, across, up, right, down }) {
  const points = polygons(commands, (x, y) => [x, y]).flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const scale = 14 / Math.max(width, height);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const outlines = polygons(commands, (x, y) => {
    const v = (y - top - height / 2) * scale * up;
    const u = (x - left - width / 2) * scale * across + slant * v;
    return [side / 2 + right + cos * u - sin * v, side / 2 + down + sin * u + cos * v];
  });
  return coverage(outlines, side, side);
}

/** Whether two pictures differ in less than a quarter of their ink. @param {Float32Array} a @param {Float32Array} b */
function alike(a, b) {
  let [difference, ink] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference += Math.abs(a[i] - b[i]);
    ink += a[i] + b[i];
  }
  return difference < 0.25 * ink;
}

/**
 * Twenty pictures of each character, in a font and with a distortion that are drawn at random. Left out are characters that fewer
 * than three fonts have, and those that look like another one: a Greek capital alpha is a Latin A.
 *
 * @param {{ most?: number }} [options] most: characters of each part, default all
 * @returns {Record<Part, { images: Tensor, characters: string[] }>} images uint8 [characters, 20, 20, 20]; 255 is ink
 */
export function glyphs({ most = Number.POSITIVE_INFINITY } = {}) {
  const known = fonts ?? readFonts();
  fonts = known;
  /** @type {Float32Array[]} */
  const taken = [];
  const parts = Object.entries(scripts).map(([part, ranges]) => {
    /** @type {{ character: string, outlines: Command[][] }[]} */
    const found = [];
    for (const { from, to } of ranges) {
      for (let code = from; code <= to && found.length < most; code++) {
        const character = String.fromCodePoint(code);
        const outlines = outlinesOf(known, character);
        if (outlines.length < 2) continue;
        const picture = draw(outlines[0], plain);
        if (taken.some((other) => alike(picture, other))) continue;
        taken.push(picture);
        found.push({ character, outlines });
      }
    }
    const images = tensor(drawAll(found.map(({ outlines }) => outlines)), {
      ...{ shape: [found.length, drawings, side, side], dtype: 'uint8' },
    });
    return [part, { images, characters: found.map(({ character }) => character) }];
  });
  return Object.fromEntries(parts);
}

/** @param {Command[][][]} characters the outlines of each in its fonts */
function drawAll(characters) {
  const pixels = side * side;
  const all = new Uint8Array(characters.length * drawings * pixels);
  characters.forEach((outlines, c) => {
    const random = rand([drawings, 7]).toTypedArray();
    for (let d = 0; d < drawings; d++) {
      const [font, turn, slant, across, up, right, down] = random.subarray(7 * d, 7 * d + 7);
      const picture = draw(outlines[Math.floor(font * outlines.length)], {
        ...{ turn: 0.5 * (turn - 0.5), slant: 0.4 * (slant - 0.5), across: 0.8 + 0.35 * across, up: 0.8 + 0.35 * up },
        ...{ right: 3 * (right - 0.5), down: 3 * (down - 0.5) },
      });
      for (let i = 0; i < pixels; i++) all[(c * drawings + d) * pixels + i] = Math.round(255 * picture[i]);
    }
  });
  return all;
}
