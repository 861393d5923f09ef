// The names that a statement declares, and those that it takes from outside, by the scopes of JavaScript.

/** @param {any} node a statement @returns {string[]} */
export function declaredBy(node) {
  if (node?.type === 'FunctionDeclaration' || node?.type === 'ClassDeclaration') return [node.id.name];
  if (node?.type !== 'VariableDeclaration') return [];
  return node.declarations.flatMap((/** @type {any} */ { id }) => namesIn(id));
}

/** The names that a pattern binds, `{ a: x, b: [y = 1, ...z] }`. @param {any} pattern @returns {string[]} */
function namesIn(pattern) {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((/** @type {any} */ p) => namesIn(p.value ?? p.argument));
    case 'ArrayPattern':
      return pattern.elements.flatMap(namesIn);
    case 'AssignmentPattern':
      return namesIn(pattern.left);
    case 'RestElement':
      return namesIn(pattern.argument);
    default:
      return [];
  }
}

/** The names that a node declares for what is inside of it. @param {any} node @returns {string[]} */
function boundBy(node) {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return [...namesIn(node.id), ...node.params.flatMap(namesIn)];
    case 'ClassDeclaration':
    case 'ClassExpression':
      return namesIn(node.id);
    case 'BlockStatement':
    case 'StaticBlock':
      return node.body.flatMap(declaredBy);
    case 'SwitchStatement':
      return node.cases.flatMap((/** @type {any} */ { consequent }) => consequent.flatMap(declaredBy));
    case 'ForStatement':
      return declaredBy(node.init);
    case 'ForInStatement':
    case 'ForOfStatement':
      return declaredBy(node.left);
    case 'CatchClause':
      return namesIn(node.param);
    default:
      return [];
  }
}

/** What stands where a name may, and is none: `x.name`, `{ name: x }`, `export { x as name }`. @param {any} node */
const isPlainName = (node, /** @type {string} */ key) =>
  ((key === 'property' || key === 'key') && !node.computed) || key === 'exported';

/**
 * The names that a node takes from outside.
 * @param {any} node @param {Set<string>} bound @param {Set<string>} found @returns {Set<string>}
 */
export function freeIn(node, bound = new Set(), found = new Set()) {
  if (node.type === 'Identifier' && !bound.has(node.name)) found.add(node.name);
  const names = boundBy(node);
  const inside = names.length > 0 ? new Set([...bound, ...names]) : bound;
  for (const [key, value] of Object.entries(node)) {
    if (isPlainName(node, key)) continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string') freeIn(child, inside, found);
    }
  }
  return found;
}
