// Which optional arguments of PyTorch's names are taken here, which are left out, and why: the last section of
// docs/pytorch-coverage.md. PyTorch's are in test/fixtures/pytorch-names/arguments.json; ours are what calls of the table in
// test/fixtures/calls say when they are given an unknown option.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicCalls } from '../../test/fixtures/calls/index.mjs';
import { camelCase, folder } from './coverage.mjs';

/** @typedef {{ name: string, argument: string, here: boolean, reason: string | null }} Argument */

const unknown = 'anUnknownOption';

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isPlain = (value) =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** The options that a call names when it is given one that it does not know; null if it never does. @param {{ args: () => unknown[], run: (...args: any[]) => unknown }} call */
async function optionsOf(call) {
  const args = call.args();
  const last = args.at(-1);
  const tries = isPlain(last) ? [[...args.slice(0, -1), { ...last, [unknown]: 1 }]] : [];
  for (let count = args.length; count >= 0; count--) tries.push([...args.slice(0, count), { [unknown]: 1 }]);
  for (const given of tries) {
    const error = await Promise.resolve()
      .then(() => call.run(...given))
      .then(
        () => null,
        (e) => e,
      );
    const told = new RegExp(`unknown option "${unknown}"; (?:known are (.*)|it has no options)$`).exec(error?.message);
    if (told !== null) return new Set([...(told[1]?.split(', ') ?? []), ...(isPlain(last) ? Object.keys(last) : [])]);
  }
  return null;
}

/** The options of each call in the table, by name. @returns {Promise<Map<string, Set<string>>>} */
async function ownOptions() {
  const place = mkdtempSync(join(tmpdir(), 'adjoint-arguments-'));
  const before = process.cwd();
  process.chdir(place);
  /** @type {Map<string, Set<string>>} */
  const found = new Map();
  try {
    for (const call of publicCalls(place)) {
      if (/^(data|train|io|charts)\.(?!DataLoader$|\w*Sampler$|randomSplit$)/.test(call.name)) continue; // files, and nothing of PyTorch's
      const options = await optionsOf(call);
      if (options !== null) found.set(call.name, options);
    }
  } finally {
    process.chdir(before);
    rmSync(place, { recursive: true });
  }
  return found;
}

/**
 * What becomes of each optional argument of the names that are present.
 *
 * @param {import('./coverage.mjs').Section[]} sections
 * @returns {Promise<Argument[]>}
 */
export async function argumentsIn(sections) {
  const theirs = JSON.parse(readFileSync(join(folder, 'arguments.json'), 'utf8'));
  const { arguments: reasons } = JSON.parse(readFileSync(join(folder, 'differences.json'), 'utf8'));
  const ours = await ownOptions();
  const key = (/** @type {string} */ name) => name.toLowerCase();
  return sections.flatMap(({ module, rows }) =>
    rows.flatMap((row) => {
      const own = row.here?.split('.').at(-1);
      if (row.here === null || own !== camelCase(row.name)) return [];
      const options = ours.get(row.here) ?? ours.get(own) ?? ours.get(`Tensor.${own}`);
      const known = new Set([...(options ?? [])].map(key));
      return (theirs[module][row.name] ?? []).map((/** @type {string} */ argument) => {
        const name = `${module}.${row.name}`;
        const here = known.has(key(camelCase(argument)));
        return { name, argument, here, reason: here ? null : reasonFor(reasons, `${name}.${argument}`) };
      });
    }),
  );
}

/** @param {Record<string, string[]>} reasons reason → patterns of module.name.argument @param {string} path */
function reasonFor(reasons, path) {
  const matching = Object.entries(reasons).find(([, patterns]) =>
    patterns.some((pattern) => new RegExp(`^(?:${pattern})$`).test(path)),
  );
  return matching?.[0] ?? null;
}

/** @param {Argument[]} list @returns {string[]} lines of the page */
export function argumentLines(list) {
  const here = list.filter((a) => a.here);
  const left = list.filter((a) => a.reason !== null);
  const missing = list.filter((a) => !a.here && a.reason === null);
  const share = ((100 * here.length) / (here.length + missing.length)).toFixed(1);
  const lines = [
    '',
    '## Arguments',
    '',
    `PyTorch's names that are present have ${list.length} optional arguments. ${here.length} are taken under the same name, ${left.length} left out`,
    `or taken in another way, ${missing.length} missing: ${share} % of those that are not left out.`,
  ];
  for (const reason of new Set(left.map((a) => a.reason))) {
    const own = left.filter((a) => a.reason === reason);
    const names = [...new Set(own.map((a) => a.argument))].sort();
    lines.push('', `**Left out**: ${reason} (${own.length}):`, names.map((n) => `\`${n}\``).join(', '));
  }
  if (missing.length > 0) {
    const names = [...new Set(missing.map((a) => a.name))];
    const of = (/** @type {string} */ name) =>
      missing
        .filter((a) => a.name === name)
        .map((a) => a.argument)
        .join(', ');
    lines.push('', `**Missing** (${missing.length}):`, names.map((n) => `\`${n}(${of(n)})\``).join(', '));
  }
  return lines;
}
