// Tables out of the npm package vega-datasets.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { data } from 'adjoint';

/** @param {string} name of a file */
const pathOf = (name) => join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data', name);

/** What is unknown of most strikes, or only known after them, is left out. */
const known = [
  ...['Aircraft Make Model', 'Aircraft Airline Operator', 'Origin State', 'Airport Name', 'Phase of flight'],
  ...[
    'Wildlife Size',
    'Wildlife Species',
    'Time of day',
    'Speed IAS in knots',
    'Flight Date',
    'Effect Amount of damage',
  ],
];

/**
 * 10,000 birds that struck aircraft in the United States from 1990 to 2002, as reported to the Federal Aviation Administration, a public
 * record. `Effect Amount of damage` is None, Minor, Medium or Substantial.
 */
export async function birdStrikes() {
  const category = /** @type {const} */ ('category');
  const types = Object.fromEntries(known.slice(0, 8).map((name) => [name, category]));
  const table = (await data.csv(pathOf('birdstrikes.csv'), { types })).pick(...known);
  const grades = [...table.rows()].map((row) => String(row['Effect Amount of damage']));
  const isGrade = (/** @type {string} */ grade) => ['None', 'Minor', 'Medium', 'Substantial'].includes(grade);
  return table.select([...grades.keys()].filter((i) => isGrade(grades[i]))); // 15 of 10,000 have another word
}

/**
 * 20,000 flights in the United States in 2001, from the Bureau of Transportation Statistics, a public record: date, minutes of delay, miles, and both airports.
 *
 * @returns {{ date: string, delay: number, distance: number, origin: string, destination: string }[]}
 */
export const flights = () => JSON.parse(readFileSync(pathOf('flights-20k.json'), 'utf8'));

/**
 * 2,900 films with what they cost, earned and are, and their rating at IMDB, from 1 to 10 (`rating`): collected by the authors of the package from public pages.
 */
export function films() {
  /** @type {Record<string, any>[]} */
  const rows = JSON.parse(readFileSync(pathOf('movies.json'), 'utf8'));
  const number = (/** @type {unknown} */ value) => (typeof value === 'number' && value > 0 ? Math.log(value) : null);
  const text = (/** @type {unknown} */ value) => (value === null ? 'unknown' : String(value));
  return rows
    .filter((row) => typeof row['IMDB Rating'] === 'number')
    .map((row) => ({
      rating: Number(row['IMDB Rating']),
      votes: number(row['IMDB Votes']),
      budget: number(row['Production Budget']),
      earned: number(row['Worldwide Gross']),
      atHome: number(row['US Gross']),
      minutes: number(row['Running Time min']),
      year: Number(/\d{4}$/.exec(row['Release Date'] ?? '')?.[0] ?? 1995) / 10,
      genre: text(row['Major Genre']),
      kind: text(row['Creative Type']),
      source: text(row.Source),
      forWhom: text(row['MPAA Rating']),
      distributor: text(row.Distributor),
    }));
}

/**
 * Which rows are for learning, development and testing: 60, 20 and 20 of a hundred, by a number made of the row's, so that a program in any
 * language parts them alike.
 *
 * @param {number} rows
 * @param {number} seed
 * @returns {{ train: number[], development: number[], test: number[] }}
 */
export function parted(rows, seed) {
  /** @type {{ train: number[], development: number[], test: number[] }} */
  const parts = { train: [], development: [], test: [] };
  for (let row = 0; row < rows; row++) {
    let hash = Math.imul(row + 1, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash = (hash ^ (hash >>> 12)) >>> 0;
    const share = hash / 2 ** 32;
    parts[share < 0.6 ? 'train' : share < 0.8 ? 'development' : 'test'].push(row);
  }
  return parts;
}
