// Python's pickles as data. The opcodes build lists, dicts and texts; whatever would import or call something is asked for by
// name, and what the caller does not know is refused: no file runs code.
import { describe, type FileError } from '../errors.js';

/** @internal A class or function, by its name in Python. */
export class Global {
  constructor(
    readonly name: string,
    /** What a call with these arguments gives. */
    readonly call?: (args: unknown[]) => unknown,
    /** What it stands for. */
    readonly value?: unknown,
  ) {}
}

/** @internal An object of a class: its name and what it holds. */
export class Instance {
  state: unknown;
  constructor(readonly name: string) {}
}

/** @internal Who says what names mean. */
export interface Resolver {
  /** @throws FileError for what is refused */
  global(name: string): Global;
  persistent(id: unknown): unknown;
  fail(rule: string): FileError;
}

/** The most values of one kind at one time: a million is 170,000 tensors. */
const most = 2 ** 20;
/** The most values that all lists and dicts take in, and calls are given: a value is small in the file and may be put in many. */
const mostItems = 2 ** 22;

class Mark {}
const mark = new Mark();

/** @internal Reads a pickle, which begins at a byte; gives its value and where it ends. */
export function unpickle(bytes: Buffer, begin: number, resolver: Resolver): { value: unknown; end: number } {
  const machine = new Unpickler(bytes, begin, resolver);
  return { value: machine.run(), end: machine.at };
}

class Unpickler {
  at: number;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #made = 0;
  #items = 0;

  constructor(
    private readonly bytes: Buffer,
    begin: number,
    private readonly resolver: Resolver,
  ) {
    this.at = begin;
  }

  run(): unknown {
    for (;;) {
      const opcode = this.bytes[this.#advance(1)] as number;
      if (opcode === 0x2e) return this.#pop(); // STOP
      const step = steps[opcode];
      if (step === undefined)
        throw this.fail(`an opcode that only builds data, got ${describe(String.fromCharCode(opcode))}`);
      step(this);
      if (this.#stack.length > most || this.#memo.size > most) throw this.fail(`at most ${most} values at one time`);
    }
  }

  fail(rule: string): FileError {
    return this.resolver.fail(`(a pickle) must have ${rule} before byte ${this.at}`);
  }

  /** Where the next so many bytes begin, which are there. A view of them costs more than most opcodes. */
  #advance(length: number): number {
    if (!(length <= this.bytes.length - this.at)) throw this.fail(`its ${length} bytes, got its end`);
    this.at += length;
    return this.at - length;
  }

  #take(length: number): Buffer {
    const begin = this.#advance(length);
    return this.bytes.subarray(begin, begin + length);
  }

  #pop(): unknown {
    const value = this.#stack.pop();
    if (value === undefined || value === mark) throw this.fail('a value for each opcode');
    return value;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    return this.#pop();
  }

  mark(): void {
    this.#stack.push(mark);
  }

  drop(): void {
    if (this.#stack.pop() === undefined) throw this.fail('a value for each opcode');
  }

  top(): unknown {
    const value = this.#stack.at(-1);
    if (value === undefined || value === mark) throw this.fail('a value for each opcode');
    return value;
  }

  marked(): unknown[] {
    const from = this.#stack.lastIndexOf(mark);
    if (from < 0) throw this.fail('a mark for each list');
    const values = this.#stack.splice(from);
    values.shift();
    return values;
  }

  /** A new list, dict or object, of which there are only so many. */
  make<T>(value: T): void {
    if (++this.#made > most) throw this.fail(`at most ${most} lists, dicts and objects`);
    this.#stack.push(value);
  }

  bytesOf(size: number): void {
    this.make(new Uint8Array(this.counted(size)));
  }

  /** So many values more are in lists, dicts and arguments. */
  #count(items: number): void {
    this.#items += items;
    if (this.#items > mostItems) throw this.fail(`at most ${mostItems} values in lists, dicts and calls`);
  }

  unsigned(size: number): number {
    const begin = this.#advance(size);
    return size === 8 ? Number(this.bytes.readBigUInt64LE(begin)) : this.bytes.readUIntLE(begin, size);
  }

  int(): number {
    return this.bytes.readInt32LE(this.#advance(4));
  }

  double(): number {
    return this.bytes.readDoubleBE(this.#advance(8));
  }

  /** The bytes after their length. */
  counted(size: number): Buffer {
    return this.#take(this.unsigned(size));
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.fail('lines that end');
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  long(size: number): void {
    const length = this.unsigned(size);
    if (length > 256) throw this.fail(`integers of at most 256 bytes, got ${length}`);
    const hex = Buffer.from(this.#take(length)).reverse().toString('hex');
    this.push(exact(BigInt.asIntN(8 * length, BigInt(`0x0${hex}`))));
  }

  number(text: string): void {
    const digits = text.replace(/L$/, '');
    if (!/^[+-]?\d{1,600}$/.test(digits)) throw this.fail(`an integer, got ${describe(text)}`);
    this.push(exact(BigInt(digits)));
  }

  put(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.fail(`a value for each reference, got none for ${index}`);
    this.push(value);
  }

  append(values: unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.fail('a list to append to');
    this.#count(values.length);
    for (const value of values) list.push(value);
  }

  setItems(values: unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.fail('a dict to set items of');
    if (values.length % 2 !== 0) throw this.fail('a value for each key');
    this.#count(values.length / 2);
    for (let i = 0; i < values.length; i += 2) {
      const key = values[i];
      if (!['string', 'number', 'boolean', 'bigint'].includes(typeof key)) {
        throw this.fail(`keys that are texts or numbers, got ${describe(key)}`);
      }
      dict.set(key, values[i + 1]);
    }
  }

  dict(values: unknown[]): void {
    this.make(new Map());
    this.setItems(values);
  }

  global(name: string): void {
    this.make(this.resolver.global(name));
  }

  stackGlobal(): void {
    const [name, module] = [this.pop(), this.pop()];
    if (typeof name !== 'string' || typeof module !== 'string') throw this.fail('a global with a name');
    this.global(`${module}.${name}`);
  }

  call(): void {
    const [args, callee] = [this.pop(), this.pop()];
    if (!(callee instanceof Global) || callee.call === undefined || !Array.isArray(args)) {
      throw this.fail(`a call of a known function, got ${callee instanceof Global ? callee.name : describe(callee)}`);
    }
    for (const arg of args) this.#count(sizeOf(arg)); // the call may copy it
    this.make(callee.call(args));
  }

  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof Instance) target.state = state;
    // A dict's own attributes, such as a state dict's _metadata, are no items.
    else if (!(target instanceof Map)) throw this.fail(`an object of a known class, got ${describe(target)}`);
  }

  persistent(id: unknown): void {
    this.make(this.resolver.persistent(id));
  }
}

/** What a copy of a value costs, next to that of a number in a list. */
function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  return typeof value === 'string' ? value.length / 16 : 1;
}

const exact = (value: bigint): number | bigint =>
  BigInt.asIntN(54, value) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value;

/** What each opcode does; those that are not here are refused. */
const steps: Record<number, (m: Unpickler) => void> = Object.fromEntries(
  Object.entries<(m: Unpickler) => void>({
    '\x80': (m) => {
      if (m.unsigned(1) > 5) throw m.fail('a protocol of at most 5');
    },
    '\x95': (m) => void m.unsigned(8), // FRAME
    '(': (m) => m.mark(),
    '0': (m) => m.drop(),
    '1': (m) => void m.marked(),
    '2': (m) => m.push(m.top()),
    N: (m) => m.push(null),
    '\x88': (m) => m.push(true),
    '\x89': (m) => m.push(false),
    J: (m) => m.push(m.int()),
    K: (m) => m.push(m.unsigned(1)),
    M: (m) => m.push(m.unsigned(2)),
    G: (m) => m.push(m.double()),
    '\x8a': (m) => m.long(1),
    '\x8b': (m) => m.long(4),
    L: (m) => m.number(m.line()),
    I: (m) => {
      const text = m.line();
      if (text === '00' || text === '01') m.push(text === '01');
      else m.number(text);
    },
    F: (m) => m.push(Number(m.line())),
    X: (m) => m.push(m.counted(4).toString()),
    '\x8c': (m) => m.push(m.counted(1).toString()),
    '\x8d': (m) => m.push(m.counted(8).toString()),
    V: (m) => m.push(m.line()),
    T: (m) => m.push(m.counted(4).toString('latin1')),
    U: (m) => m.push(m.counted(1).toString('latin1')),
    C: (m) => m.bytesOf(1),
    B: (m) => m.bytesOf(4),
    '\x8e': (m) => m.bytesOf(8),
    '\x96': (m) => m.bytesOf(8),
    ')': (m) => m.make([]),
    ']': (m) => m.make([]),
    '}': (m) => m.make(new Map()),
    '\x8f': (m) => m.make([]), // EMPTY_SET
    t: (m) => m.make(m.marked()),
    l: (m) => m.make(m.marked()),
    '\x91': (m) => m.make(m.marked()), // FROZENSET
    d: (m) => m.dict(m.marked()),
    '\x85': (m) => m.make([m.pop()]),
    '\x86': (m) => m.make([m.pop(), m.pop()].reverse()),
    '\x87': (m) => m.make([m.pop(), m.pop(), m.pop()].reverse()),
    a: (m) => m.append([m.pop()]),
    e: (m) => m.append(m.marked()),
    '\x90': (m) => m.append(m.marked()), // ADDITEMS
    s: (m) => m.setItems([m.pop(), m.pop()].reverse()),
    u: (m) => m.setItems(m.marked()),
    q: (m) => m.put(m.unsigned(1)),
    r: (m) => m.put(m.unsigned(4)),
    p: (m) => m.put(Number(m.line())),
    '\x94': (m) => m.memoize(),
    h: (m) => m.get(m.unsigned(1)),
    j: (m) => m.get(m.unsigned(4)),
    g: (m) => m.get(Number(m.line())),
    c: (m) => m.global(`${m.line()}.${m.line()}`),
    '\x93': (m) => m.stackGlobal(),
    R: (m) => m.call(),
    '\x81': (m) => m.call(), // NEWOBJ
    b: (m) => m.build(),
    Q: (m) => m.persistent(m.pop()),
  }).map(([opcode, step]) => [opcode.charCodeAt(0), step]),
);
