// Dates as people write them, and as ISO 8601 has them.

/** @typedef {{ written: string, iso: string }} Example */

const monthNames = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];
const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const ordinals = [
  ...['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth', 'eleventh'],
  ...['twelfth', 'thirteenth', 'fourteenth', 'fifteenth', 'sixteenth', 'seventeenth', 'eighteenth', 'nineteenth'],
  ...['twentieth', 'twenty-first', 'twenty-second', 'twenty-third', 'twenty-fourth', 'twenty-fifth', 'twenty-sixth'],
  ...['twenty-seventh', 'twenty-eighth', 'twenty-ninth', 'thirtieth', 'thirty-first'],
];

/** The first day, and the number of days: 1950 to 2049, so that two digits are enough for a year. */
const [firstDay, days] = [Date.UTC(1950, 0, 1), 36_525];

/** @param {number} n */
const two = (n) => String(n).padStart(2, '0');

/** @param {number} n 1 → `1st` */
function ordinal(n) {
  const ending = n >= 11 && n <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${ending}`;
}

/**
 * Ways to write a date: d, m, y are numbers, the rest is made of them. With dots the day comes first, with slashes the
 * month, as in Germany and the United States.
 *
 * @type {((date: { d: number, m: number, y: number, month: string, mon: string, weekday: string, yy: string }) => string)[]}
 */
const styles = [
  ({ d, month, y }) => `${d} ${month} ${y}`,
  ({ d, mon, y }) => `${d} ${mon} ${y}`,
  ({ d, mon, yy }) => `${d}-${mon}-${yy}`,
  ({ d, mon, yy }) => `${d} ${mon} '${yy}`,
  ({ d, month, y }) => `${month} ${d}, ${y}`,
  ({ d, mon, y }) => `${mon} ${ordinal(d)} ${y}`,
  ({ d, month, y }) => `the ${ordinal(d)} of ${month} ${y}`,
  ({ d, month, y }) => `the ${ordinals[d - 1]} of ${month}, ${y}`,
  ({ d, month, y, weekday }) => `${weekday}, ${month} ${d}, ${y}`,
  ({ d, mon, y, weekday }) => `${weekday.slice(0, 3)} ${d} ${mon} ${y}`,
  ({ d, month, y }) => `${y}, ${month} ${ordinal(d)}`,
  ({ d, m, y }) => `${d}.${m}.${y}`,
  ({ d, m, yy }) => `${two(d)}.${two(m)}.${yy}`,
  ({ d, m, y }) => `${m}/${d}/${y}`,
  ({ d, m, yy }) => `${two(m)}/${two(d)}/${yy}`,
  ({ d, m, y }) => `${y}/${m}/${d}`,
  ({ d, m, y }) => `${y}${two(m)}${two(d)}`,
];

/**
 * @param {number} day from 0, 1 January 1950
 * @param {number} style
 * @param {number} letters 0 as it is, 1 small, 2 capitals
 * @returns {Example}
 */
function write(day, style, letters) {
  const date = new Date(firstDay + day * 86_400_000);
  const [y, m, d] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  const month = monthNames[m - 1] ?? '';
  const weekday = dayNames[date.getUTCDay()] ?? '';
  const parts = { d, m, y, month, mon: month.slice(0, 3), weekday, yy: two(y % 100) };
  const written = styles[style % styles.length]?.(parts) ?? '';
  const shown = letters === 1 ? written.toLowerCase() : letters === 2 ? written.toUpperCase() : written;
  return { written: shown, iso: date.toISOString().slice(0, 10) };
}

/**
 * Examples of all styles. Days are split before they are written: no day of `held` occurs in `seen` in any style.
 *
 * @param {{ seen: number, held: number }} counts
 * @param {() => number} random in [0, 1)
 * @returns {{ seen: Example[], held: Example[] }}
 */
export function makeDates({ seen, held }, random) {
  const below = (/** @type {number} */ n) => Math.floor(random() * n);
  const heldDays = new Set(Array.from({ length: days }, (_, day) => day).filter(() => random() < 0.1));
  const draw = (/** @type {boolean} */ wanted) => {
    let day = below(days);
    while (heldDays.has(day) !== wanted) day = below(days);
    return write(day, below(styles.length), below(3));
  };
  return {
    seen: Array.from({ length: seen }, () => draw(false)),
    held: Array.from({ length: held }, () => draw(true)),
  };
}

/** The characters of dates as written; number 0 is the place behind the end. */
export const inputs = ['', ..." ,.-/'0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Those of ISO dates; number 0 begins one. */
export const outputs = ['', ...'0123456789-'];

/** The longest date: `the twenty-seventh of September, 2023`. */
export const inputLength = 40;
export const outputLength = 10;

/** @param {readonly string[]} written */
export function encodeInputs(written) {
  const ids = new Int32Array(written.length * inputLength);
  written.forEach((text, row) => {
    [...text].forEach((character, i) => {
      const id = inputs.indexOf(character);
      if (id < 0 || i >= inputLength) throw new Error(`"${text}" is too long or has an unknown character`);
      ids[row * inputLength + i] = id;
    });
  });
  return ids;
}

/** @param {readonly string[]} isos */
export function encodeOutputs(isos) {
  return Int32Array.from(isos.flatMap((iso) => [...iso].map((character) => outputs.indexOf(character))));
}
