import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { csv } from '../../lib/data/csv.js';
import type { CsvOptions } from '../../lib/data/csv-options.js';
import { jsonl } from '../../lib/data/jsonl.js';
import type { Table } from '../../lib/data/table.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-csv-'));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (text: string | Buffer, options?: CsvOptions) => csv(Buffer.from(text), options);
const values = (table: Table, name: string) => Array.from(table.rows(), (row) => row[name]);
const types = (table: Table) => table.schema.map(({ type }) => type);
const failure = async (text: string | Buffer, options?: CsvOptions) => {
  const error = await read(text, options).catch((error) => error);
  expect(error.code).toMatch(/ADJOINT_(FILE|ARGUMENT)/);
  return error.message;
};

describe('csv against what was written', () => {
  const cell = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.string({ unit: fc.constantFrom('"', ',', ';', '\n', '\r', ' ', 'a', '\t', '|', 'é', '日', '😀') }),
  );
  const file = fc.record({
    rows: fc
      .integer({ min: 1, max: 5 })
      .chain((width) =>
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 20 }),
      ),
    delimiter: fc.constantFrom(',', ';', '\t', '|', '~'),
    quote: fc.constantFrom('"', "'"),
    line: fc.constantFrom('\n', '\r\n', '\r'),
    hasBom: fc.boolean(),
    hasEnd: fc.boolean(),
    isUtf16: fc.boolean(),
    piece: fc.integer({ min: 1, max: 50 }),
    alwaysQuotes: fc.boolean(),
  });

  it('gives every text back, whatever is in it and however it comes', async () => {
    await fc.assert(
      fc.asyncProperty(file, async ({ rows, delimiter, quote, line, hasBom, hasEnd, isUtf16, piece, alwaysQuotes }) => {
        const write = (text: string) =>
          alwaysQuotes || text === '' || text !== text.trim() || new RegExp(`[${delimiter}${quote}\r\n]`).test(text)
            ? quote + text.replaceAll(quote, quote + quote) + quote
            : text;
        const names = (rows[0] as string[]).map((_, i) => `n${i}`);
        const text = [names, ...rows].map((row) => row.map(write).join(delimiter)).join(line) + (hasEnd ? line : '');
        const bytes = Buffer.from((hasBom || isUtf16 ? '\ufeff' : '') + text, isUtf16 ? 'utf16le' : 'utf8');
        const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) =>
          bytes.subarray(i * piece, (i + 1) * piece),
        );
        const all = Object.fromEntries(names.map((name) => [name, 'text' as const]));
        const table = await csv(pieces, { types: all, missing: [], delimiter, quote });
        expect(Array.from(table.rows(), (row) => Object.values(row))).toEqual(rows);
      }),
      { numRuns: 200 },
    );
  });

  it('numbers are those that were written', async () => {
    const number = fc.double({ noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(number, { minLength: 1, maxLength: 50 }),
        fc.constantFrom('.', ','),
        async (list, decimal) => {
          const text = list.map((value) => (Object.is(value, -0) ? '-0' : String(value).replace('.', decimal)));
          const table = await read(`x;y\n${text.map((value) => `${value};1`).join('\n')}`, { decimal: decimal as ',' });
          expect(table.column('x')).toEqual({ type: 'number', values: Float64Array.from(list) });
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([',', ';', '\t', '|'])('finds the delimiter %j', async (delimiter) => {
    const lines = ['a', '"x,;|\t"', 'b'].map((first, i) => [first, `c${i}`, 'd e', '"1,2;3|4"'].join(delimiter));
    const table = await read(lines.join('\n'));
    expect(table.names).toEqual(['a', 'c0', 'd e', '1,2;3|4']);
    expect(table.length).toBe(2);
  });
});

describe('csv', () => {
  it('infers types', async () => {
    const table = await read(
      'n,i,b,d,c,zip,none,mix\n1.5,1,yes,2024-01-31,x,01234,,1\n-2e3,NA,No,2024-02-29 23:59:59.5,y,00001,,a\n?,3,,,x,99,,2\ninf,3,yes,2024-01-31T00:00+02:00,x,,,2',
    );
    expect(types(table)).toEqual(['number', 'number', 'boolean', 'date', 'category', 'number', 'number', 'category']);
    expect(values(table, 'n')).toEqual([1.5, -2000, null, Number.POSITIVE_INFINITY]);
    expect(values(table, 'b')).toEqual([true, false, null, true]);
    expect(values(table, 'd')).toEqual([
      new Date('2024-01-31T00:00:00Z'),
      new Date('2024-02-29T23:59:59.500Z'),
      null,
      new Date('2024-01-30T22:00:00Z'),
    ]);
    expect(values(table, 'none')).toEqual([null, null, null, null]);
    const codes = await read('zip\n01234\n00001\n');
    expect(values(codes, 'zip')).toEqual(['01234', '00001']);
  });

  it('takes decimal commas where points are none and the delimiter allows it', async () => {
    expect(values(await read('a;b\n1,5;x\n-2;y\n'), 'a')).toEqual([1.5, -2]);
    expect(types(await read('a;b\n1,5;1.5\n2;2.5\n'))).toEqual(['category', 'number']);
    expect(values(await read('a\n"1,5"\n', { decimal: ',' }), 'a')).toEqual([1.5]);
    expect(types(await read('a\n"1,5"\n', { delimiter: ',' }))).toEqual(['category']);
  });

  it('does not take for numbers what only JavaScript does', async () => {
    for (const text of ['0x10', '0b1', '0o7', '1_000', '1n', '-0x1', '1,2', '++1', 'e5', '.', '-']) {
      expect(types(await read(`x;y\n"${text}";1\n`, { delimiter: ';', decimal: '.' })), text).toEqual([
        'category',
        'number',
      ]);
    }
    for (const text of ['1.', '.5', '+1', '1E5', ' 7 ', '-inf', 'Infinity']) {
      expect(types(await read(`x;y\n"${text}";1\n`, { delimiter: ';' })), text).toEqual(['number', 'number']);
    }
  });

  it('has names from the header, from columns, or none', async () => {
    expect((await read('a,,c\n1,2,3\n')).names).toEqual(['a', 'column1', 'c']);
    expect((await read('1,2\n3,4\n', { header: false })).names).toEqual(['column0', 'column1']);
    const named = await read('1,2\n3,4\n', { columns: ['x', 'y'] });
    expect([named.names, named.length]).toEqual([['x', 'y'], 2]);
    const renamed = await read('a,b\n3,4\n', { columns: ['x', 'y'], header: true });
    expect([renamed.names, renamed.length]).toEqual([['x', 'y'], 1]);
  });

  it('skips blank lines and comments, and trims what is not quoted', async () => {
    const table = await read('# about\n\na, b\n\n1,  x \n# more\n2," x "\n\n', { comment: '#' });
    expect([...table.rows()]).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: ' x ' },
    ]);
    expect(values(await read('a,b\n1, x\n', { trim: false }), 'b')).toEqual([' x']);
    expect(values(await read('a\tb\n\t\n1\tx\n'), 'a')).toEqual([null, 1]);
    expect(values(await read('a\tb\n1\t5" pipe\n', { quote: null }), 'b')).toEqual(['5" pipe']);
  });

  it('reads Latin-1 and UTF-16, told by the option or a byte order mark', async () => {
    const text = 'a;b\n(x);/é\n_y;\xff\n"(z";"\xa0z"\n';
    const expected = [
      { a: '(x)', b: '/é' },
      { a: '_y', b: 'ÿ' },
      { a: '(z', b: '\xa0z' },
    ];
    const rows = async (bytes: Buffer, options?: CsvOptions) => [...(await csv(bytes, options)).rows()];
    expect(await rows(Buffer.from(text, 'latin1'), { encoding: 'latin1' })).toEqual(expected);
    expect(await rows(Buffer.from(text, 'utf16le'), { encoding: 'utf16le' })).toEqual(expected);
    expect(await rows(Buffer.from(`\ufeff${text}`, 'utf16le'))).toEqual(expected);
    expect(await rows(Buffer.from(`\ufeff${text}`), { encoding: 'latin1' })).toEqual(expected);
  });

  it('reads missing values by the words that are given', async () => {
    const table = await read('a,b\n-999,none\n1,x\n', { missing: ['-999', 'none'] });
    expect([...table.rows()]).toEqual([
      { a: null, b: null },
      { a: 1, b: 'x' },
    ]);
  });

  it('reads paths, URLs, compressed files, streams and iterables', async () => {
    const path = join(folder, 'a.csv');
    writeFileSync(path, 'a\n1\n2\n');
    writeFileSync(`${path}.gz`, gzipSync('a\n1\n2\n'));
    const bytes = Buffer.from('a\n1\n2\n');
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    });
    async function* pieces() {
      yield 'a\n1';
      yield '\n2\n';
    }
    const sources = [
      path,
      pathToFileURL(path),
      `${path}.gz`,
      bytes,
      new Uint8Array(bytes),
      Readable.from([bytes]),
      stream,
      pieces(),
      ['a\n', '1\n2'],
    ];
    for (const source of sources) expect(values(await csv(source), 'a')).toEqual([1, 2]);
  });

  it('keeps reading when the first 1000 rows do not say everything', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `${i},c${i < 1000 ? i % 10 : i},${i < 2000 ? '' : 'late'}`);
    const table = await read(`a,b,c\n${lines.join('\n')}`, { maxCategories: 500 });
    expect(types(table)).toEqual(['number', 'text', 'category']);
    expect(values(table, 'b')).toEqual(lines.map((line) => line.split(',')[1]));
    expect([values(table, 'c')[1999], values(table, 'c')[2000]]).toEqual([null, 'late']);
  });

  it.each<[string, string | Buffer, CsvOptions, string]>([
    [
      'a value that contradicts',
      `a,b\n${'1,2\n'.repeat(1500)}1,x\n`,
      {},
      'csv: column "b" must hold numbers, as in the first rows (inferRows 1000), got "x" in row 1500 (line 1502); give types: { "b": … }, or add it to missing if it stands for no value',
    ],
    [
      'a short line',
      'a,b\n1,2\n3\n',
      {},
      'csv: the source must have 2 fields in each line, as in the first, got 1 in line 3',
    ],
    [
      'a long line',
      'a,b\n1,2\n\n3,4,5\n',
      {},
      'csv: the source must have 2 fields in each line, as in the first, got 3 in line 4',
    ],
    [
      'a quote inside',
      'a,b\n1,5" pipe\n',
      {},
      'csv: the source must have quotes at the ends of fields, got one inside in line 2; quote: null takes them for text',
    ],
    [
      'text after a quote',
      'a,b\n1,"x"y\n',
      {},
      'csv: the source must have a delimiter after a quoted field, got more text in line 2; quotes inside are doubled',
    ],
    [
      'an open quote',
      'a,b\n1,"x\n2,y\n',
      {},
      'csv: the source must end after a closing quote, got none for that in line 3',
    ],
    ['nothing', '', {}, 'csv: the source must have rows, got at most a line of names'],
    ['names alone', 'a,b\n', {}, 'csv: the source must have rows, got at most a line of names'],
    [
      'equal names',
      'a,b,a\n1,2,3\n',
      {},
      'csv: the source must have different names of columns, got "a" in columns 1 and 3; give columns',
    ],
    [
      'too few names',
      'a,b\n1,2\n',
      { columns: ['a'] },
      'csv: the source must have as many fields as columns has names, got 2 fields in line 1 and 1 names',
    ],
    ['too many bytes', 'a\n1\n', { maxBytes: 3 }, 'csv: the source must have at most maxBytes 3 bytes, got more'],
    [
      'a long record',
      `a\n${'x'.repeat(2000)}\n`,
      { maxRecordSize: 1000 },
      'csv: the source must have records of at most maxRecordSize 1000 bytes, got more in line 2',
    ],
    ['too many columns', 'a,b,c\n1,2,3\n', { maxColumns: 2 }, 'csv: there must be at most maxColumns 2 columns, got 3'],
    ['too many rows', 'a\n1\n2\n3\n', { maxRows: 2 }, 'csv: there must be at most maxRows 2 rows, got more'],
    ['a type of no column', 'a\n1\n', { types: { b: 'text' } }, 'csv: no column has the name "b"; there are "a"'],
    [
      'a number that is none',
      'a\nx\n',
      { types: { a: 'number' } },
      'csv: column "a" must hold numbers, got "x" in row 0 (line 2); add it to missing if it stands for no value',
    ],
    ['a delimiter of two characters', 'a\n1\n', { delimiter: '||' }, 'csv: delimiter must be one character, got "||"'],
    ['an unknown option', 'a\n1\n', { separator: ';' } as CsvOptions, 'csv: unknown option "separator"'],
  ])('refuses %s', async (_, text, options, message) => {
    expect(await failure(text, options)).toContain(message);
  });

  it('names the file in errors about what it holds', async () => {
    const path = join(folder, 'wrong.csv');
    writeFileSync(path, 'a\n1\nx\n');
    const place = `csv: ${JSON.stringify(path)}: `;
    await expect(csv(path, { types: { a: 'number' } })).rejects.toThrow(`${place}column "a" must hold numbers`);
    await expect(csv(path, { types: { b: 'number' } })).rejects.toThrow(`${place}no column has the name "b"`);
    await expect(csv(pathToFileURL(path), { inferRows: 1 })).rejects.toThrow(
      'wrong.csv": column "a" must hold numbers',
    );
    await expect(jsonl(path)).rejects.toThrow(/^jsonl: ".*wrong\.csv" must have JSON in line 1/);
    writeFileSync(path, '{"a": 1}\n{"a": "x"}\n');
    await expect(jsonl(path, { inferRows: 1 })).rejects.toThrow(`jsonl: ${JSON.stringify(path)}: column "a" must hold`);
  });

  it('refuses files that are not there, folders and streams that break', async () => {
    const message = (source: Parameters<typeof csv>[0]) =>
      csv(source).catch((error) => `${error.code} ${error.message}`);
    const missing = join(folder, 'none.csv');
    expect(await message(missing)).toContain(`ADJOINT_FILE csv: cannot read ${JSON.stringify(missing)} (ENOENT`);
    expect(await message(folder)).toContain('must be a regular file, got a folder');
    expect(await message('/dev/zero')).toContain('must be a regular file, got a device or socket');
    writeFileSync(join(folder, 'damaged.csv.gz'), gzipSync('a\n1\n').subarray(0, 15));
    expect(await message(join(folder, 'damaged.csv.gz'))).toContain('ADJOINT_FILE csv: cannot read');
    const broken = new Readable({
      read() {
        this.destroy(new Error('cable cut'));
      },
    });
    expect(await message(broken)).toBe('ADJOINT_FILE csv: cannot read "the source" (cable cut)');
    expect(await message([7] as unknown as Buffer)).toContain('csv: source must give bytes or texts, got 7');
    expect(await message(7 as unknown as Buffer)).toContain(
      'csv: source must be a path, bytes, a stream or an iterable of bytes, got 7',
    );
    expect(await message(new URL('https://example.org/a.csv'))).toContain('csv: a URL must be that of a file');
  });
});
