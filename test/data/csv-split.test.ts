import { CsvError } from 'csv-parse';
import { type Info, parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csv } from '../../lib/data/csv.js';
import { type CsvOptions, csvPlan } from '../../lib/data/csv-options.js';
import { CsvReader } from '../../lib/data/csv-reader.js';
import { LineSplitter } from '../../lib/data/csv-split.js';
import { Table } from '../../lib/data/table.js';

type Style = Required<Pick<CsvOptions, 'delimiter' | 'trim' | 'maxRecordSize'>> & Pick<CsvOptions, 'quote' | 'comment'>;

/** What csv-parse makes of a file: the records, the line that each ends in, and what is wrong after them. */
function reference(bytes: Buffer, { delimiter, quote, trim, comment, maxRecordSize }: Style) {
  const records: { record: string[]; line: number }[] = [];
  try {
    parse(bytes, {
      ...{ delimiter, quote, trim, escape: quote, comment, comment_no_infix: true, max_record_size: maxRecordSize },
      ...{ record_delimiter: ['\r\n', '\n', '\r'], skip_empty_lines: true },
      on_record: (record: string[], { lines }: Info) => {
        records.push({ record, line: lines });
        return null;
      },
    });
    return { records };
  } catch (error) {
    const { code, lines, record } = error as CsvError & { lines: number; record: string[] };
    if (!(error instanceof CsvError)) throw error;
    const isCount = code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH';
    return { records, error: isCount ? `got ${record.length} in line ${lines}` : `line ${lines}` };
  }
}

/** The texts of a file that comes in pieces, or the end of the error. */
async function read(bytes: Buffer, size: number, options: CsvOptions) {
  const reader = new CsvReader(bytes, csvPlan('csv', options, false));
  try {
    await reader.write(Buffer.alloc(0));
    for (let at = 0; at < bytes.length; at += size) await reader.write(Buffer.from(bytes.subarray(at, at + size)));
    await reader.end();
    if (reader.builder === null || reader.builder.isEmpty) return { rows: [] };
    return { rows: Array.from(new Table(reader.builder.take()).rows(), (row) => Object.values(row)) };
  } catch (error) {
    return { error: /(got \d+ in )?line \d+(?=$|[);])/.exec((error as Error).message)?.[0] };
  }
}

const styles = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', ' ', '|', '§', '1'),
  quote: fc.constantFrom('"', "'", '“', null),
  trim: fc.boolean(),
  comment: fc.constantFrom(undefined, '#', '//', 'é'),
  maxRecordSize: fc.constantFrom(2 ** 22, 2 ** 22, 15),
});

/** Files that are well-formed for the most part. */
const files = styles.chain((style) => {
  const mark = style.quote ?? '"';
  const plain = fc.string({ unit: fc.constantFrom('a', '1', '-', '.', 'é', '日', '😀', '\u00a0'), maxLength: 5 });
  const padded = fc.tuple(fc.constantFrom('', ' ', '\t', '\u2003'), plain, fc.constantFrom('', ' ', '\ufeff'));
  const simple = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\u00a0', 'é', style.delimiter), maxLength: 4 });
  const quoted = fc.string({ unit: fc.constantFrom('a', mark + mark, '\n', '\r\n', style.delimiter), maxLength: 4 });
  const field = fc.oneof(
    { weight: 60, arbitrary: plain },
    { weight: 10, arbitrary: padded.map((parts) => parts.join('')) },
    { weight: 10, arbitrary: simple.map((text) => mark + text + mark) },
    { weight: 1, arbitrary: quoted.map((text) => mark + text + mark) },
    { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('a', mark, '#', '/', '\r'), maxLength: 4 }) },
  );
  const line = (width: number) =>
    fc.oneof(
      {
        weight: 40,
        arbitrary: fc
          .array(field, { minLength: width, maxLength: width })
          .map((fields) => fields.join(style.delimiter)),
      },
      { weight: 4, arbitrary: fc.constantFrom('', '', ' ', '\t', '\u00a0') },
      { weight: 1, arbitrary: fc.array(field, { maxLength: 6 }).map((fields) => fields.join(style.delimiter)) },
      { weight: 1, arbitrary: plain.map((text) => (style.comment ?? '') + text) },
    );
  const end = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('\n', '\r\n', '\r') },
    { weight: 1, arbitrary: fc.constant(null) },
  );
  const text = fc.tuple(fc.integer({ min: 1, max: 4 }), end, fc.boolean()).chain(([width, end, isWhole]) =>
    fc.array(fc.tuple(line(width), fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 12 }).map((lines) => {
      const whole = lines.map(([line, mixed]) => line + (end ?? mixed)).join('');
      return Buffer.from(isWhole ? whole : whole.replace(/[\r\n]+$/, ''));
    }),
  );
  // Bytes that are no UTF-8.
  const damage = fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(255) });
  return fc.record({
    style: fc.constant(style),
    text,
    damage,
    place: fc.nat(1000),
    size: fc.integer({ min: 1, max: 40 }),
  });
});

describe('lines without quotes', () => {
  it('are what csv-parse makes of them, however they come', { timeout: 120_000 }, async () => {
    let [wrong, right] = [0, 0];
    await fc.assert(
      fc.asyncProperty(files, async ({ style, text, damage, place, size: some }) => {
        // The reader stops sooner where pieces are short: csv-parse counts characters, it the bytes that it keeps.
        const size = style.maxRecordSize === 15 ? text.length + 1 : some;
        const bytes = Buffer.from(text);
        if (damage !== null && bytes.length > 0) bytes[place % bytes.length] = damage;
        const { records, error } = reference(bytes, style);
        const names = (records[0]?.record ?? ['']).map((_, i) => `n${i}`);
        const types = Object.fromEntries(names.map((name) => [name, 'text' as const]));
        const options = { ...style, columns: names, types, missing: [], inferRows: 1 };
        const rows = records.map(({ record }) => record);
        expect(await read(bytes, size, options)).toEqual(error === undefined ? { rows } : { error });
        if (error === undefined) right++;
        else wrong++;
        // The first text that is no number, by its line.
        const last = names.length - 1;
        const numbers = { ...options, types: { ...types, [`n${last}`]: 'number' as const }, decimal: '.' as const };
        const odd = records.find(({ record }) => !/^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/.test(record[last] as string));
        const got = await read(bytes, size, numbers);
        if (odd !== undefined) expect(got).toEqual({ error: `line ${odd.line}` });
        else if (error !== undefined) expect(got).toEqual({ error });
        else expect(got.rows?.map((row) => row[last])).toEqual(rows.map((row) => Number(row[last])));
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(wrong, right)).toBeGreaterThan(200);
  });

  it('are split without csv-parse, which has the rest from the first other line on', () => {
    const rules = { delimiter: ',', quote: '"', comment: null, trim: true, longest: 20 };
    const splitter = new LineSplitter(rules);
    const taken = (text: string, isLast = false) => {
      splitter.split(Buffer.from(text), isLast);
      return Array.from({ length: splitter.fields.rows }, (_, row) => splitter.fields.texts(row).join());
    };
    expect(taken('a,b\n\n1,')).toEqual(['a,b']);
    expect(taken('2\r')).toEqual([]);
    expect(taken('\n3,4\r5, 6\n7')).toEqual(['1,2', '3,4', '5,6']);
    expect([splitter.line, splitter.isStopped]).toEqual([6, false]);
    expect(taken(',8\n9,"')).toEqual(['7,8']);
    expect(taken(' x, "')).toEqual([]);
    expect(taken('\n" ",""\n1,"""x"\n')).toEqual(['9, x, ', ' ,']);
    expect([splitter.line, splitter.isStopped, `${splitter.rest}`]).toEqual([9, true, '1,"""x"\n']);
    const long = new LineSplitter(rules);
    long.split(Buffer.from('a,b\n'), false);
    for (const text of ['1', '2'.repeat(20)]) long.split(Buffer.from(text), false);
    expect([long.line, long.isStopped, long.rest.length]).toEqual([2, true, 21]);
  });

  it('have a text of their own for each sequence of bytes', async () => {
    const pairs = Array.from({ length: 64 * 64 }, (_, i) => [0xc0 + (i >> 6), 0xc0 + (i & 63)]);
    // The characters, and then bytes that are no characters but have their numbers.
    const fields = pairs.flatMap((pair) => [Buffer.from(String.fromCharCode(...pair)), Buffer.from(pair)]);
    const bytes = Buffer.concat(fields.flatMap((field) => [field, Buffer.from(';1\n')]));
    const table = await csv(bytes, { columns: ['x', 'y'], types: { x: 'text' }, inferRows: 1 });
    expect(table.column('x').values).toEqual(fields.map((field) => field.toString()));
    const spaces = Buffer.from('x,y\n,1\n" a ",1\n a ,1\n" a ",1\na,1\n');
    const { values } = (await csv(spaces, { types: { x: 'text' }, missing: [], inferRows: 1 })).column('x');
    expect(values).toEqual(['', ' a ', 'a', ' a ', 'a']);
  });

  it('have the numbers that JavaScript reads', async () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 20 });
    const parts = fc.tuple(
      fc.constantFrom('', '', ' '),
      fc.constantFrom('', '', '-', '+', '--'),
      digits,
      fc.constantFrom('', '.', '.', ',', '..'),
      digits,
      fc.constantFrom('', '', '', 'e5', 'E-30', 'e', 'x'),
      fc.constantFrom('', '', '  ', '\t'),
    );
    const edges = [
      '9007199254740991',
      '9007199254740992',
      '9007199254740993',
      '0.9007199254740993',
      '-0',
      '-0.0',
      '0x1',
    ];
    const text = fc.oneof({ weight: 20, arbitrary: parts.map((all) => all.join('')) }, fc.constantFrom(...edges));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 20 }), fc.constantFrom('.', ','), async (list, decimal) => {
        const isNumber = (text: string) =>
          /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text.replace(decimal, '.')) &&
          (decimal === '.' || !text.includes('.'));
        const options = { delimiter: ';', decimal, inferRows: 1, types: { x: 'number' }, missing: [] } as const;
        const readAll = (texts: string[]) =>
          csv(Buffer.from(`x;y\n1;2\n${texts.map((text) => `${text};3\n`).join('')}`), options);
        const { values } = (await readAll(list.filter(isNumber))).column('x');
        const expected = list.filter(isNumber).map((text) => Number(text.replace(decimal, '.')));
        expect([...values]).toEqual([1, ...expected]);
        for (const wrong of list.filter((text) => !isNumber(text))) {
          await expect(readAll([wrong])).rejects.toThrow('csv: column "x" must hold numbers');
        }
      }),
      { numRuns: 300 },
    );
  });
});
