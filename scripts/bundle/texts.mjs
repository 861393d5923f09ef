// The texts of the core and of the parts, as pieces: lines that are written here, or lines of the bundle.
import { parseAst } from 'rolldown/parseAst';
import { core } from './owners.mjs';

/**
 * @typedef {import('./owners.mjs').Owners} Owners
 * @typedef {import('./statements.mjs').Statement} Statement
 * @typedef {string | { begin: number, end: number }} Piece
 */

// `import.meta.url`, which a part has not: the bundle has this name in its place.
const moduleUrl = 'moduleUrl';

/** A bundle in ASCII with that name; texts that speak of `import.meta.url` keep it. @param {string} code */
export function withModuleUrl(code) {
  /** @type {any[]} */
  const found = [];
  (function find(/** @type {any} */ node) {
    if (node?.type === 'MemberExpression' && node.object.meta?.name === 'import')
      found.push(node); // not new.target.name
    else if (typeof node === 'object' && node !== null) Object.values(node).forEach(find);
  })(parseAst(code));
  const fromTheEnd = found.sort((a, b) => b.start - a.start);
  return fromTheEnd.reduce((text, { start, end }) => text.slice(0, start) + moduleUrl + text.slice(end), code);
}

const loader = `const ${moduleUrl} = import.meta.url;
const loadedParts = new Map();
function onDemand(name) {
	let part = loadedParts.get(name);
	if (part === void 0) {
		part = requireOf(${moduleUrl})("./parts/" + name + ".cjs")(namesOfCore(), onDemand, ${moduleUrl});
		loadedParts.set(name, part);
	}
	return part;
}`;

/** The module that is imported. @param {Owners} owners @returns {Piece[]} */
export function corePieces(owners) {
  for (const name of [moduleUrl, 'requireOf', 'loadedParts', 'onDemand', 'namesOfCore']) {
    if (owners.isDeclared(name)) throw new Error(`bundle: ${name} must not be a name in lib`);
  }
  const shared = new Set(owners.parts.flatMap((part) => owners.needsOf(part)).filter((name) => isInCore(owners, name)));
  const statements = owners.ownedBy(core).filter(({ node }) => node.type !== 'ImportDeclaration');
  const isRuntime = (/** @type {Statement} */ { file }) => file.includes('rolldown/runtime');
  return [
    'import { createRequire as requireOf } from "node:module";',
    ...importsOf(owners, core).map(([names, from]) => `import { ${names.join(', ')} } from ${from};`),
    ...statements.filter(isRuntime),
    loader,
    `function namesOfCore() {\n\treturn { ${[...shared].join(', ')} };\n}`,
    ...owners.forwarded.map((name) => `function ${name}(...args) {\n\treturn ${inPart(owners, name)}(...args);\n}`),
    ...owners.namespaces.map((statement) => namespaceText(owners, statement)),
    ...withMarks(statements.filter((statement) => !isRuntime(statement))).map((piece) =>
      typeof piece !== 'string' && piece.namespace ? namespaceText(owners, piece) : piece,
    ),
  ];
}

/**
 * A part is the source of a function of the core, and returns what others use of it.
 * @param {Owners} owners @param {string} part @returns {Piece[]}
 */
export function partPieces(owners, part) {
  const needs = owners.needsOf(part);
  const outside = needs.filter((name) => !isInCore(owners, name));
  /** @type {[names: string[], from: string][]} */
  const sources = importsOf(owners, part).map(([names, from]) => [
    names.map((name) => name.replace(' as ', ': ')),
    `require(${from})`,
  ]);
  sources.push([needs.filter((name) => isInCore(owners, name)), 'namesOfCore']);
  for (const other of new Set(outside.map((name) => owners.ownerOf(name)))) {
    sources.push([outside.filter((name) => owners.ownerOf(name) === other), `onDemand("${other}")`]);
  }
  return [
    '"use strict";',
    `module.exports = (namesOfCore, onDemand, ${moduleUrl}) => {`,
    ...sources.map(([names, from]) => `const { ${names.join(', ')} } = ${from};`),
    ...withMarks(owners.ownedBy(part)),
    `return { ${owners.givenBy(part).join(', ')} };`,
    '};',
  ];
}

/** @param {Owners} owners @param {string} name */
function isInCore(owners, name) {
  return owners.ownerOf(name) === core || owners.forwarded.includes(name);
}

/** @param {Owners} owners @param {string} name */
function inPart(owners, name) {
  return `onDemand("${owners.ownerOf(name)}").${name}`;
}

/** @param {Owners} owners @param {Statement} statement */
function namespaceText(owners, { declared, namespace }) {
  const getters = (namespace ?? []).map(
    ([member, value]) => `\t${member}: () => ${isInCore(owners, value) ? value : inPart(owners, value)}`,
  );
  return `var ${declared[0]} = __exportAll({\n${getters.join(',\n')}\n});`;
}

/** Statements, with a comment that names the file before those of each. @param {Statement[]} statements */
function withMarks(statements) {
  return statements.flatMap((s, i) => (s.file === statements[i - 1]?.file ? [s] : [`// ${s.file}`, s]));
}

/** What an owner uses of other packages and of Node.js. @param {Owners} owners @param {string} owner */
function importsOf(owners, owner) {
  const used = new Set(owners.ownedBy(owner).flatMap((s) => [...s.used]));
  /** @type {[names: string[], from: string][]} */
  const found = [];
  for (const { node } of owners.statements) {
    if (node.type !== 'ImportDeclaration') continue;
    const names = [];
    for (const { type, imported, local } of node.specifiers) {
      if (type !== 'ImportSpecifier') throw new Error(`bundle: import what is used of ${node.source.value} by name`);
      if (!used.has(local.name)) continue;
      names.push(imported.name === local.name ? local.name : `${imported.name} as ${local.name}`);
    }
    if (names.length > 0) found.push([names, JSON.stringify(node.source.value)]);
  }
  return found;
}
