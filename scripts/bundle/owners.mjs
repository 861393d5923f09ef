// Who owns each statement of the bundle: the core, which an import evaluates, or a part, which is evaluated when something
// of it is first used.
//
// The core owns the namespaces that it exports and those in them; they hold getters, so that the first `optim.Adam`
// evaluates the part `optim`.
// A function of a part that is used outside of it stands in the core as one that calls it. What the core needs of a part
// in another way, as a class to extend, moves into the core with its whole file.

/** @typedef {import('./statements.mjs').Statement} Statement */

export const core = 'adjoint';

export class Owners {
  /** Statements by the names that they declare. @type {Map<string, Statement>} */
  #declaring;
  /** Files of parts that the core owns. @type {Set<string>} */
  #moved = new Set();
  /** Namespaces of parts that the core owns. @type {Set<Statement>} */
  #kept = new Set();
  /** Functions of parts that others use. @type {Set<string>} */
  #called = new Set();

  /**
   * @param {Statement[]} statements of the bundle
   * @param {Record<string, string[]>} prefixes parts by name: how the names of their files begin
   */
  constructor(statements, prefixes) {
    this.statements = statements;
    this.prefixes = prefixes;
    this.#declaring = new Map(statements.flatMap((s) => s.declared.map((name) => [name, s])));
    while (this.#settle());
    const owning = new Set(statements.map((s) => this.#ownerOfFile(s.file)));
    this.parts = Object.keys(prefixes).filter((part) => owning.has(part));
    for (const name of [core, ...this.parts].flatMap((owner) => this.needsOf(owner))) {
      // A part takes values, not variables.
      if (this.#declaring.get(name)?.node.kind === 'let')
        throw new Error(`bundle: ${name} changes; use it in its file`);
    }
  }

  /** @param {string} name */
  isDeclared(name) {
    return this.#declaring.has(name);
  }

  /** @param {string} file */
  #ownerOfFile(file) {
    if (this.#moved.has(file)) return core;
    let [owner, length] = [core, 0]; // by the longest beginning: lib/io/onnx/ is no part of lib/io/
    for (const [part, prefixes] of Object.entries(this.prefixes)) {
      const fitting = prefixes.filter((prefix) => file.startsWith(prefix) && prefix.length > length);
      for (const prefix of fitting) [owner, length] = [part, Math.max(length, prefix.length)];
    }
    return owner;
  }

  /** @param {string} name of a function, variable or class at the top of the bundle */
  ownerOf(name) {
    const statement = /** @type {Statement} */ (this.#declaring.get(name));
    return this.#kept.has(statement) ? core : this.#ownerOfFile(statement.file);
  }

  /** An owner's statements, without the namespaces of parts that the core owns. @param {string} owner */
  ownedBy(owner) {
    return this.statements.filter((s) => this.#ownerOfFile(s.file) === owner && !this.#kept.has(s));
  }

  /** The namespaces of parts that the core owns. */
  get namespaces() {
    return [...this.#kept];
  }

  /** The functions that stand in the core as ones that call them. */
  get forwarded() {
    return [...this.#called].filter((name) => this.ownerOf(name) !== core);
  }

  /** The names that an owner uses and others declare. @param {string} owner */
  needsOf(owner) {
    // The getters of the core's namespaces evaluate nothing.
    const statements = this.ownedBy(owner).filter((s) => owner !== core || !s.namespace);
    const used = new Set(statements.flatMap((s) => [...s.used]));
    return [...used].filter((name) => this.isDeclared(name) && this.ownerOf(name) !== owner);
  }

  /** The names of a part that others use. @param {string} part */
  givenBy(part) {
    const members = [...this.ownedBy(core), ...this.#kept].flatMap(({ namespace }) => namespace ?? []);
    const others = this.parts.filter((other) => other !== part).flatMap((other) => this.needsOf(other));
    const used = new Set([...this.forwarded, ...members.map(([, value]) => value), ...others]);
    return [...used].filter((name) => this.ownerOf(name) === part);
  }

  /** Puts into the core what must be there, and says whether that was anything. */
  #settle() {
    const members = [...this.#kept].flatMap(({ namespace }) => namespace ?? []).map(([, value]) => value);
    const elsewhere = [...members, ...Object.keys(this.prefixes).flatMap((part) => this.needsOf(part))];
    const stays = (/** @type {string} */ name) => this.#isFunction(name) || this.#declaring.get(name)?.namespace;
    const needed = [...this.needsOf(core), ...elsewhere.filter(stays)];
    const added = needed.filter((name) => this.ownerOf(name) !== core && !this.#called.has(name));
    for (const name of added) {
      const statement = /** @type {Statement} */ (this.#declaring.get(name));
      if (this.#isFunction(name)) this.#called.add(name);
      else if (statement.namespace) this.#kept.add(statement);
      else this.#moved.add(statement.file);
    }
    return added.length > 0;
  }

  /** @param {string} name */
  #isFunction(name) {
    return this.#declaring.get(name)?.node.type === 'FunctionDeclaration';
  }
}
