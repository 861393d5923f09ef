// Editors show no documentation of a method whose type is computed from a function. This writes each method into the
// declaration of Tensor, with the comment of its function; that of a derived method, `abs_`, begins with what it does.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const head = 'interface Tensor extends Methods<typeof methods & typeof inPlace> {';

/** The documentation comment before a function's declaration, if it has one. @param {string} text @param {string} name */
function commentOf(text, name) {
  const before = text.split(new RegExp(`\\nexport declare function ${name}\\b`))[0] ?? '';
  const start = before.lastIndexOf('/**');
  if (before === text || start < 0 || !before.trimEnd().endsWith('*/')) return '';
  return before.slice(start).trimEnd();
}

const inPlace = (/** @type {string} */ operation) =>
  `In place: x takes the values of \`${operation}\` and keeps its dtype; nothing is recorded for gradients.`;

/** @param {string} dist the folder with the declarations */
export function documentMethods(dist) {
  const path = join(dist, 'methods.d.ts');
  const text = readFileSync(path, 'utf8');
  if (!text.includes(head)) return; // done before, and the compiler saw no reason to write it again
  const files = new Map(
    [...text.matchAll(/^import \* as (\w+) from '(.+)\.js';$/gm)].map(([, family, file]) => [
      family,
      readFileSync(join(dist, `${file}.d.ts`), 'utf8'),
    ]),
  );
  const members = [...text.matchAll(/^ {4}(\w+): typeof (\w+)\.(\w+);$/gm)].map(([, name, family, operation]) => {
    const comment = commentOf(/** @type {string} */ (files.get(family)), /** @type {string} */ (operation));
    const whole = name === `${operation}_` ? comment.replace(/^\/\*\*(\n \*)?/, `$& ${inPlace(operation)}$1`) : comment;
    return `        ${whole}\n        ${name}: Methods<typeof methods & typeof inPlace>['${name}'];`;
  });
  if (members.length < 100) throw new Error(`${path}: only ${members.length} methods were found`);
  // Methods with overloads are written in the interface. An editor shows the comment of the one that is called.
  const documented = text.replace(/(?<!\*\/\n)^ {8}(\w+)\(/gm, (signature, name) => {
    const comments = [...files.values()].map((file) => commentOf(file, name));
    return `        ${comments.find((comment) => comment !== '') ?? ''}\n${signature}`;
  });
  writeFileSync(
    path,
    documented.replace(head, () => `interface Tensor {\n${members.join('\n')}`),
  );
}
