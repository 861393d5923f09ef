// The bundle's statements: which file of lib each came from, which names it declares and which it uses.
import { parseAst } from 'rolldown/parseAst';
import { declaredBy, freeIn } from './names.mjs';

/**
 * A statement at the top of the bundle, in the lines from `begin` to before `end`.
 * @typedef {object} Statement
 * @property {string} file as the bundle names it, `lib/tensor.ts`; '' before the first
 * @property {number} begin
 * @property {number} end
 * @property {any} node
 * @property {string[]} declared
 * @property {Set<string>} used
 * @property {[member: string, value: string][] | undefined} namespace the members, if it makes the object of `import * as`
 */

/** The statements of a bundle, where a comment with the file's name stands before its lines. @param {string} code */
export function statementsOf(code) {
  const lines = code.split('\n');
  const lineAt = lineFinder(lines);
  let [file, next] = ['', 0];
  return parseAst(code).body.map((/** @type {any} */ node) => {
    const begin = lineAt(node.start);
    for (; next < begin; next++) file = /^\/\/ (.*)$/.exec(lines[next])?.[1] ?? file;
    next = lineAt(node.end - 1) + 1;
    const used = node.type === 'ImportDeclaration' ? new Set() : freeIn(node);
    const [declared, namespace] = [declaredBy(node), membersOf(node)];
    return /** @type {Statement} */ ({ file, begin, end: next, node, declared, used, namespace });
  });
}

/** @param {string[]} lines @returns {(offset: number) => number} for offsets that grow */
function lineFinder(lines) {
  let [line, end] = [0, lines[0].length];
  return (offset) => {
    while (offset > end) end += lines[++line].length + 1;
    return line;
  };
}

/** `var x_exports = __exportAll({ member: () => value, … })` @param {any} node */
function membersOf(node) {
  const made = node.type === 'VariableDeclaration' ? node.declarations[0].init : null;
  if (made?.type !== 'CallExpression' || made.callee.name !== '__exportAll') return undefined;
  return made.arguments[0].properties.map((/** @type {any} */ { key, value }) => [
    key.name ?? key.value,
    value.body.name,
  ]);
}
