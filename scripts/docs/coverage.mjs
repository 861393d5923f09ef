// What becomes of each public name of PyTorch 2.15, and the page docs/pytorch-coverage.md that says so.
// The names are those of test/fixtures/pytorch-names, one file a module; what is left out, or has another name, stands in
// test/fixtures/pytorch-names/differences.json.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where PyTorch's names are. */
export const folder = fileURLToPath(new URL('../../test/fixtures/pytorch-names', import.meta.url));

/** @typedef {{ name: string, here: string | null, reason: string | null }} Row */
/** @typedef {{ module: string, rows: Row[] }} Section */

/** `log_softmax` → `logSoftmax`, `clip_grad_norm_` → `clipGradNorm_`. @param {string} name */
export const camelCase = (name) => name.replace(/(?<=.)_(?=[a-z0-9])(.)/gi, (_, letter) => letter.toUpperCase());

const order = [
  ...['torch', 'Tensor', 'nn', 'nn.functional', 'nn.init', 'nn.utils', 'optim', 'optim.lr_scheduler', 'linalg'],
  ...['distributions', 'autograd.functional', 'func', 'utils.data'],
];

/**
 * Where a module's names are looked up, and how they are written.
 *
 * @param {Record<string, any>} adjoint
 * @returns {Record<string, [place: object | undefined, prefix: string]>}
 */
const placesIn = (adjoint) => ({
  torch: [adjoint, ''],
  Tensor: [adjoint.Tensor.prototype, 'Tensor.'],
  nn: [adjoint.nn, 'nn.'],
  'nn.functional': [adjoint.nn.functional, 'nn.functional.'],
  'nn.init': [adjoint.nn.init, 'nn.init.'],
  'nn.utils': [adjoint.nn.utils, 'nn.utils.'],
  optim: [adjoint.optim, 'optim.'],
  'optim.lr_scheduler': [adjoint.optim.lrScheduler, 'optim.lrScheduler.'],
  linalg: [adjoint.linalg, 'linalg.'],
  distributions: [adjoint.distributions, 'distributions.'],
  'autograd.functional': [adjoint.autograd?.functional, 'autograd.functional.'],
  func: [adjoint.func, 'func.'],
  'utils.data': [adjoint.data, 'data.'],
});

/**
 * What becomes of each name.
 *
 * @param {Record<string, any>} adjoint the package's exports
 * @returns {Section[]}
 */
export function coverage(adjoint) {
  const { as, without } = JSON.parse(readFileSync(join(folder, 'differences.json'), 'utf8'));
  const places = placesIn(adjoint);
  const found = readdirSync(folder).filter((file) => file.endsWith('.txt'));
  if (found.length !== order.length) throw new Error(`${folder} has ${found.length} lists, ${order.length} are known`);
  return order.map((module) => {
    const [place, prefix] = /** @type {[object | undefined, string]} */ (places[module]);
    const names = readFileSync(join(folder, `${module}.txt`), 'utf8')
      .trim()
      .split('\n');
    const rows = names.map((name) => {
      const own = camelCase(name);
      if (place !== undefined && own in place) return { name, here: `${prefix}${own}`, reason: null };
      // In-place functions are methods only.
      if ((module === 'torch' || module === 'nn.functional') && own.endsWith('_') && own in adjoint.Tensor.prototype) {
        return { name, here: `Tensor.${own}`, reason: null };
      }
      const other = as[module]?.[name];
      if (other !== undefined) return { name, here: other, reason: null };
      return { name, here: null, reason: reasonFor(without, module, name) };
    });
    return { module, rows };
  });
}

/**
 * @param {Record<string, Record<string, string[]>>} without reason → module → names, or patterns between slashes
 * @param {string} module
 * @param {string} name
 */
function reasonFor(without, module, name) {
  const matches = (/** @type {string} */ entry) =>
    entry.startsWith('/') ? new RegExp(`^(?:${entry.slice(1, -1)})$`).test(name) : entry === name;
  for (const [reason, modules] of Object.entries(without)) {
    if ([...(modules['*'] ?? []), ...(modules[module] ?? [])].some(matches)) return reason;
  }
  return null;
}

/** @param {Section[]} sections @param {string[]} further lines at the end */
export function pageOf(sections, further) {
  const lines = [
    '# PyTorch 2.15 and adjoint, name by name',
    '',
    'Made by `node scripts/pytorch-coverage.mjs` from the public names of PyTorch 2.15 and from what this package exports; a',
    'test fails when they differ. The rules for names and arguments are in [from-pytorch.md](from-pytorch.md).',
    '',
    '| module | names | present | left out for a reason | missing | present of those not left out |',
    '|---|---|---|---|---|---|',
  ];
  const count = (/** @type {Row[]} */ rows) => {
    const present = rows.filter((r) => r.here !== null).length;
    const left = rows.filter((r) => r.reason !== null).length;
    const missing = rows.length - present - left;
    const share = ((100 * present) / (present + missing)).toFixed(1);
    return `${rows.length} | ${present} | ${left} | ${missing} | ${share} %`;
  };
  const title = (/** @type {string} */ module) =>
    module === 'torch' || module === 'Tensor' ? module : `torch.${module}`;
  for (const { module, rows } of sections) lines.push(`| \`${title(module)}\` | ${count(rows)} |`);
  lines.push(`| all | ${count(sections.flatMap((s) => s.rows))} |`);
  for (const { module, rows } of sections) {
    lines.push('', `## ${title(module)}`, '', ...sectionOf(rows));
  }
  lines.push(...further);
  return `${lines.join('\n')}\n`;
}

/** @param {Row[]} rows */
function sectionOf(rows) {
  const lines = [];
  const here = rows.filter((r) => r.here !== null);
  const same = here.filter((r) => r.here?.split('.').at(-1) === camelCase(r.name));
  const other = here.filter((r) => !same.includes(r));
  const list = (/** @type {string[]} */ names) => names.map((n) => `\`${n}\``).join(', ');
  if (same.length > 0)
    lines.push(
      `**Present**, under PyTorch's name in camelCase (${same.length}):`,
      list(same.map((r) => camelCase(r.name))),
      '',
    );
  if (other.length > 0) {
    lines.push(
      `**Present** under another name (${other.length}):`,
      other.map((r) => `\`${r.name}\` → \`${r.here}\``).join(', '),
      '',
    );
  }
  const reasons = [...new Set(rows.map((r) => r.reason).filter((r) => r !== null))];
  for (const reason of reasons) {
    const names = rows.filter((r) => r.reason === reason).map((r) => r.name);
    lines.push(`**Left out**: ${reason} (${names.length}):`, list(names), '');
  }
  const missing = rows.filter((r) => r.here === null && r.reason === null).map((r) => r.name);
  if (missing.length > 0) lines.push(`**Missing** (${missing.length}):`, list(missing), '');
  return lines.slice(0, -1);
}
