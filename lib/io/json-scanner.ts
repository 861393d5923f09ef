import type { FileError } from '../errors.js';

const quote = 0x22; // "
const backslash = 0x5c;
/** The character after a backslash, and what the two mean. */
const escapes = new Map(
  ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'].map((pair) => [pair.charCodeAt(0), pair.charCodeAt(1)]),
);

const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/**
 * Reads a JSON text in valid UTF-8, step by step, for a caller that knows the format and asks for what must come next.
 * Anything else is an error where it begins, and nothing else is built, so that neither nesting nor length of a hostile
 * text costs memory. Strings with escapes overwrite the bytes.
 */
export class JsonScanner {
  readonly #bytes: Buffer;
  readonly #fail: (rule: string) => FileError;
  #at = 0;

  constructor(bytes: Uint8Array, fail: (rule: string) => FileError) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#fail = fail;
  }

  /** Whether the next value begins with this character. */
  startsWith(character: string): boolean {
    while (isSpace(this.#bytes[this.#at])) this.#at++;
    return this.#bytes[this.#at] === character.charCodeAt(0);
  }

  /** Skips a character if it comes next. */
  accept(character: string): boolean {
    const isNext = this.startsWith(character);
    if (isNext) this.#at++;
    return isNext;
  }

  /** Skips `null` if it comes next. */
  acceptNull(): boolean {
    const isNext = this.startsWith('n') && this.#bytes.toString('latin1', this.#at, this.#at + 4) === 'null';
    if (isNext) this.#at += 4;
    return isNext;
  }

  /** `{ key: value, … }`; `readValue` must read the value. */
  object(readValue: (key: string) => void): void {
    this.#expect('{');
    if (this.accept('}')) return;
    do {
      const key = this.string();
      this.#expect(':');
      readValue(key);
    } while (this.accept(','));
    this.#expect('}', 'a comma or }');
  }

  /** `[ value, … ]`; `readValue` must read the value. */
  list(readValue: () => void): void {
    this.#expect('[');
    if (this.accept(']')) return;
    do readValue();
    while (this.accept(','));
    this.#expect(']', 'a comma or ]');
  }

  /** An integer of at least 0 that a number holds exactly, without sign, point or exponent; otherwise undefined. */
  natural(): number | undefined {
    while (isSpace(this.#bytes[this.#at])) this.#at++;
    let end = this.#at;
    let value = 0;
    while (isDigit(this.#bytes[end]) && value <= Number.MAX_SAFE_INTEGER && !(end > this.#at && value === 0)) {
      value = 10 * value + ((this.#bytes[end++] as number) - 0x30);
    }
    if (end === this.#at || value > Number.MAX_SAFE_INTEGER || !this.#endsNumber(end)) return undefined;
    this.#at = end;
    return value;
  }

  #endsNumber(at: number): boolean {
    const byte = this.#bytes[at];
    return !isDigit(byte) && byte !== 0x2e && byte !== 0x65 && byte !== 0x45; // . e E
  }

  string(): string {
    this.#expect('"', 'a string');
    const bytes = this.#bytes;
    const begin = this.#at;
    let end = begin;
    let escaped = false;
    for (; bytes[end] !== quote; end++) {
      const byte = bytes[end];
      if (byte === undefined || byte < 0x20) throw this.#invalid('a string that ends', end);
      if (byte === backslash) {
        escaped = true;
        end++;
      }
    }
    this.#at = end + 1;
    return bytes.toString('utf8', begin, escaped ? this.#unescape(begin, end) : end);
  }

  /** Checks that only white space follows. */
  end(): void {
    while (isSpace(this.#bytes[this.#at])) this.#at++;
    if (this.#at < this.#bytes.length) throw this.#invalid('its end', this.#at);
  }

  /** What comes next, for `got …`. */
  found(at = this.#at): string {
    const text = this.#bytes.toString('utf8', at, at + 40);
    if (text === '') return 'its end';
    if (text[0] === '[') return 'an array';
    if (text[0] === '{') return 'an object';
    return /^("[^"\n]*"?|[^\s,:\]}]+|.)/s.exec(text)![0];
  }

  #expect(character: string, what = character): void {
    if (!this.accept(character)) throw this.#invalid(what, this.#at);
  }

  #invalid(what: string, at: number): FileError {
    return this.#fail(`must have a header in JSON with ${what} at byte ${at}, got ${this.found(at)}`);
  }

  /** Replaces escapes by their characters, which are never longer; returns where the text ends. */
  #unescape(begin: number, end: number): number {
    const bytes = this.#bytes;
    let to = begin;
    for (let from = begin; from < end; from++) {
      const byte = bytes[from] as number;
      if (byte !== backslash) {
        bytes[to++] = byte;
        continue;
      }
      const at = from++;
      const plain = escapes.get(bytes[from] as number);
      if (plain !== undefined) {
        bytes[to++] = plain;
        continue;
      }
      let code = this.#unit(at);
      from = at + 5;
      if (code >= 0xd800 && code < 0xdc00) {
        const low = this.#unit(at + 6);
        if (low < 0xdc00 || low > 0xdfff) throw this.#invalid('a whole surrogate pair', at);
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        from += 6;
      } else if (code >= 0xdc00 && code < 0xe000) {
        throw this.#invalid('a whole surrogate pair', at);
      }
      to = writeUtf8(bytes, to, code);
    }
    return to;
  }

  /** The code of `\uXXXX` at this byte. */
  #unit(at: number): number {
    const bytes = this.#bytes;
    let code = bytes[at] === backslash && bytes[at + 1] === 0x75 ? 0 : Number.NaN;
    for (let i = at + 2; i < at + 6; i++) code = 16 * code + hexDigit(bytes[i]);
    if (Number.isNaN(code)) throw this.#invalid('a JSON escape', at);
    return code;
  }
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return Number.NaN;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}

/** Writes a character; returns where it ends. */
function writeUtf8(bytes: Buffer, at: number, code: number): number {
  const length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  if (length === 1) bytes[at] = code;
  else {
    for (let i = length - 1; i > 0; i--) bytes[at + i] = 0x80 | ((code >> (6 * (length - 1 - i))) & 0x3f);
    bytes[at] = ((0xf00 >> length) & 0xff) | (code >> (6 * (length - 1)));
  }
  return at + length;
}
