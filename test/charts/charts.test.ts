import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { bars, heatmap, type LinesOptions, lines, pictures, sideBySide } from '../../lib/charts/index.js';
import { darkOf, escapeText, palette, paper } from '../../lib/charts/theme.js';
import { ArgumentError } from '../../lib/errors.js';
import { Browser, chromium, needed } from '../support/browser.js';

/** The corners of the paths of a colour: `M1 2L3 4`. */
function pathsOf(svg: string, colour: string): [number, number][][] {
  const found = [...svg.matchAll(new RegExp(`<path d="([^"]*)"[^>]* stroke="${colour}"`, 'g'))];
  return found.map(([, d]) =>
    [...(d as string).matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]),
  );
}

const [blue = '', orange = ''] = palette;

describe('lines', () => {
  const frame = [
    { x: [0, 10], y: [0, 100], colour: 1 }, // the diagonal of the plot says where its corners are
    { x: [0, 2, 5, 10], y: [0, 50, 25, 100], colour: 0 },
  ];
  const range = { x: { range: [0, 10] }, y: { range: [0, 100] } } as const;

  it('stand where the axes say', async () => {
    const svg = await lines({ lines: frame, ...range });
    const [[[left, bottom], [right, top]]] = pathsOf(svg, orange) as [[[number, number], [number, number]]];
    expect(right - left).toBeGreaterThan(600);
    expect(bottom - top).toBeGreaterThan(300);
    const place = (x: number, y: number) => [left + ((right - left) * x) / 10, bottom + ((top - bottom) * y) / 100];
    const [points] = pathsOf(svg, blue);
    [place(0, 0), place(2, 50), place(5, 25), place(10, 100)].forEach(([x, y], i) => {
      expect(Math.abs((points?.[i]?.[0] ?? 0) - (x as number))).toBeLessThan(0.11);
      expect(Math.abs((points?.[i]?.[1] ?? 0) - (y as number))).toBeLessThan(0.11);
    });
  });

  it('are even on a logarithmic axis, and have gaps where there is no value', async () => {
    const y = [1, 10, 100, 0, -5, Number.NaN, Number.POSITIVE_INFINITY, 1, 10];
    const svg = await lines({ lines: [{ y }], y: { log: true } });
    const [points = []] = pathsOf(svg, blue);
    expect(points.length).toBe(5);
    const heights = points.map(([, height]) => height);
    expect((heights[1] as number) - (heights[0] as number)).toBeCloseTo(
      (heights[2] as number) - (heights[1] as number),
      1,
    );
    expect(heights[3]).toBeCloseTo(heights[0] as number, 1);
  });

  it('keep the peaks of a million points in a small picture', async () => {
    const y = new Float64Array(1_000_000);
    y[654_321] = 7;
    const svg = await lines({ lines: [{ y }], y: { range: [0, 7] } });
    expect(svg.length).toBeLessThan(100_000);
    const heights = (pathsOf(svg, blue)[0] as [number, number][]).map(([, height]) => height);
    expect(Math.max(...heights) - Math.min(...heights)).toBeGreaterThan(300);
  });

  it('stand before a picture that is stretched over the ranges of both axes', async () => {
    const background = { width: 2, height: 2, data: Uint8Array.of(0, 85, 170, 255) };
    const svg = await lines({ lines: frame, ...range, background });
    const [[[left, bottom], [right, top]]] = pathsOf(svg, orange) as [[[number, number], [number, number]]];
    const [image = ''] = /<image [^>]*>/.exec(svg) ?? [];
    expect(image).toContain('preserveAspectRatio="none"');
    const of = (name: string) => Number(new RegExp(` ${name}="([\\d.]+)"`).exec(image)?.[1]);
    expect([of('x'), of('y'), of('width'), of('height')]).toEqual(
      [left, top, right - left, bottom - top].map((v) => expect.closeTo(v, 0)),
    );
  });

  it('are named in a legend where several are', async () => {
    const svg = await lines({ lines: [{ name: 'training', y: [1] }, { name: 'validation', y: [2] }, { y: [3] }] });
    expect(svg).toContain('>training</text>');
    expect(svg).toContain('>validation</text>');
    expect(svg).not.toContain('>line 2</text>');
  });
});

describe('heatmap', () => {
  it('has a shade for each share of the largest value, and the values', async () => {
    const svg = await heatmap({
      rows: ['a', 'b'],
      columns: ['c', 'd'],
      values: [
        [8, 4],
        [0, Number.NaN],
      ],
    });
    const shades = [...svg.matchAll(/<path [^>]*fill="#0072b2"[^>]*fill-opacity="([\d.]+)"/g)].map(([, v]) =>
      Number(v),
    );
    const expected = [1, 0.5, 0, 0].map((share) => 0.03 + 0.97 * share);
    const cells = svg.match(/<path [^>]*fill="#0072b2"/g) ?? [];
    expect(cells.length).toBe(4);
    expect(shades).toEqual(expected.filter((shade) => shade < 1).map((shade) => expect.closeTo(shade, 6)));
    expect([...svg.matchAll(/>([\d,.]+)<\/text>/g)].map(([, text]) => text)).toEqual(['8', '4', '0']);
  });
});

it('heatmap keeps room for its cells beside long names', async () => {
  const names = ['cat', 'x'.repeat(200), 'a dog of a long pedigree'];
  const svg = await heatmap({
    rows: names,
    columns: names,
    values: names.map(() => [1, 0, 1]),
    width: 360,
    height: 280,
  });
  const sides = /<path d="M[-\d.]+ [-\d.]+l([-\d.]+) [-\d.]+l[-\d.]+ ([-\d.]+)[^>]*fill="#0072b2"/.exec(svg) ?? [];
  for (const side of sides.slice(1)) expect(Math.abs(Number(side))).toBeGreaterThan(30);
  expect(sides.length).toBe(3);
});

it('steps are whole numbers on an axis', async () => {
  const svg = await lines({ lines: [{ x: [1, 2, 3], y: [1, 2, 4] }], y: { range: [0, 5] } });
  const texts = [...svg.matchAll(/>([\d.]+)<\/text>/g)].map(([, text]) => text as string);
  expect(texts).toContain('2');
  expect(texts.filter((text) => text.includes('.'))).toEqual([]);
});

describe('bars', () => {
  it('are as long as the values', async () => {
    const svg = await bars({ names: ['a', 'b', 'c'], values: [4, 1, -2], axis: { range: [-5, 5] }, width: 600 });
    const boxes = [
      ...svg.matchAll(/<path d="M[-\d.]+ ([-\d.]+)l[-\d.]+ [-\d.]+l[-\d.]+ ([-\d.]+)[^>]*fill="#0072b2"/g),
    ];
    const heights = boxes.map(([, , height]) => Math.abs(Number(height)));
    expect(heights.length).toBe(3);
    expect((heights[0] as number) / (heights[1] as number)).toBeCloseTo(4, 1);
    expect((heights[2] as number) / (heights[1] as number)).toBeCloseTo(2, 1);
  });

  it('have room for their errors', async () => {
    const svg = await bars({ names: ['a'], values: [9.9], errors: [5], horizontal: true });
    const ends = pathsOf(svg, '#1f2328')
      .flat()
      .map(([x]) => x);
    expect(Math.max(...ends)).toBeLessThan(720 - 20);
  });
});

const image = { width: 2, height: 2, data: Uint8Array.of(0, 85, 170, 255) };
const evil = '<script>alert("1")</script>&\'\u0000';

describe('every chart', () => {
  const made: [string, (title: string) => Promise<string> | string][] = [
    [
      'lines',
      (title) =>
        lines({
          title,
          lines: [
            { name: title, y: [1, 2] },
            { name: 'b', y: [1] },
          ],
          x: { label: title },
        }),
    ],
    ['bars', (title) => bars({ title, names: [title], values: [1], axis: { label: title } })],
    ['heatmap', (title) => heatmap({ title, rows: [title], columns: [title], values: [[1]], format: () => title })],
    ['pictures', (title) => pictures({ title, pictures: [{ image, caption: title }] })],
    ['sideBySide', (title) => sideBySide([pictures({ pictures: [{ image }] })], { title })],
  ];

  it.each(made)('%s shows any text as text', async (_, make) => {
    const svg = await make(evil);
    expect(svg).toContain('&#60;script&#62;');
    const tags = new Set([...svg.matchAll(/<([a-zA-Z]+)/g)].map(([, tag]) => tag));
    expect(
      [...tags].filter((tag) => !/^(svg|style|g|path|rect|text|image|defs|clipPath)$/.test(tag as string)),
    ).toEqual([]);
    expect(svg).not.toContain('\0');
    expect(svg).not.toMatch(/ style=| class=| on\w+=/);
  });

  it.each(made)('%s is the same each time', async (_, make) => {
    expect(await make('a')).toBe(await make('a'));
  });

  it.each(made)('%s has no colour that a dark page does not replace', async (_, make) => {
    const colours = [...(await make('a')).matchAll(/(?:fill|stroke)="(#\w+)"/g)].map(([, colour]) => colour as string);
    expect(colours.filter((colour) => darkOf(colour) === undefined && colour !== '#000')).toEqual([]);
  });
});

it('names of clip paths differ between charts', async () => {
  const [a, b] = await Promise.all(
    [
      [1, 2],
      [2, 1],
    ].map((y) => lines({ lines: [{ y }] })),
  );
  const ids = [...`${a}${b}`.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  expect(ids.length).toBeGreaterThan(1);
  expect(new Set(ids).size).toBe(ids.length);
});

/** Relative luminance and contrast as WCAG 2 defines them. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const [r = 0, g = 0, blue = 0] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

it.each(palette)('%s stands out from a light page, and its other from a dark one', (colour) => {
  expect(contrast(colour, paper)).toBeGreaterThan(3);
  expect(contrast(darkOf(colour), darkOf(paper))).toBeGreaterThan(4.5);
});

it('texts are escaped', () => {
  expect(escapeText(`a<b>&"c"'\ud800\u0007é`)).toBe('a&#60;b&#62;&#38;&#34;c&#34;&#39;\ufffd\ufffdé');
});

describe('what they refuse', () => {
  const wrong: [string, () => unknown, string][] = [
    ['no lines', () => lines({} as LinesOptions), 'lines: lines must be a list of { name, y }, got undefined'],
    [
      'lengths',
      () => lines({ lines: [{ x: [1], y: [1, 2] }] }),
      'lines: lines[0].x must have as many numbers as y, got 1 and 2',
    ],
    [
      'style',
      () => lines({ lines: [{ y: [1], style: 'bold' as 'line' }] }),
      'lines: lines[0].style must be line, dots,',
    ],
    [
      'axis',
      () => lines({ lines: [], x: { range: [1, 1] } }),
      'lines: x.range[1] must be a finite number above 1, got 1',
    ],
    [
      'log',
      () => lines({ lines: [], y: { log: true, range: [0, 1] } }),
      'lines: y.range[0] must be a finite number above 0, got 0',
    ],
    ['background', () => lines({ lines: [], background: image }), 'lines: a background needs x.range and y.range'],
    ['values', () => bars({ names: ['a'], values: [] }), 'bars: values must be one for each name, got 0 for 1 names'],
    [
      'rows',
      () => heatmap({ rows: ['a'], columns: [], values: [] }),
      'heatmap: values must have a list for each row, got 0 for 1 rows',
    ],
    [
      'columns',
      () => heatmap({ rows: ['a'], columns: [], values: [[1]] }),
      'heatmap: values[0] must have a value for each column',
    ],
    ['size', () => lines({ lines: [], width: 1e9 }), 'lines: width must be an integer of at least 64 and at most 8192'],
    ['option', () => lines({ lines: [], colour: 1 } as LinesOptions), 'lines: unknown option "colour"'],
    ['sheet', () => sideBySide(['<svg>']), 'sideBySide: charts[0] must be a chart made by charts, got "<svg>"'],
  ] as [string, () => unknown, string][];
  it.each(wrong)('%s', async (_, call, message) => {
    const error = await (async () => call())().then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toContain(message);
  });
});

describe.skipIf(!chromium)(`in Chromium${needed}`, { timeout: 120_000 }, () => {
  let browser: Browser;
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-charts-'));
  beforeAll(() => {
    browser = new Browser();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['light', false],
    ['dark', true],
  ])('a sheet is well-formed, and %s where the reader prefers that', async (name, dark) => {
    const y = Array.from({ length: 300 }, (_, i) => Math.exp(-i / 80) + 0.02 * Math.sin(i * i));
    const sheet = sideBySide(
      [
        await lines({
          title: 'losses',
          lines: [
            { name: 'training', y, style: 'faint' },
            { name: 'validation', x: [0, 150, 299], y: [1, 0.2, 0.1], style: 'both' },
          ],
          x: { label: 'step' },
          y: { log: true, label: 'loss' },
        }),
        await bars({
          title: evil,
          names: ['age', 'income'],
          values: [0.2, 0.05],
          errors: [0.02, 0.01],
          horizontal: true,
        }),
        await heatmap({
          title: 'counts',
          rows: ['cat', 'dog'],
          columns: ['cat', 'dog'],
          values: [
            [9, 1],
            [2, 8],
          ],
          x: 'predicted',
          y: 'true',
        }),
        pictures({
          pictures: [
            { image, caption: 'a 7' },
            { image, caption: '3 not 5', marked: true },
          ],
        }),
      ],
      { columns: 2, title: 'charts' },
    );
    const file = join(folder, 'sheet.svg');
    writeFileSync(file, sheet);
    const page = await browser.page({ dark, width: 1450 });
    await page.open(pathToFileURL(file).href);
    await page.screenshot(`charts-${name}`);
    expect(await page.evaluate('document.documentElement.localName')).toBe('svg'); // an error would be a page of XHTML
    expect(await page.evaluate('document.querySelector("parsererror")')).toBe(null);
    const fill = await page.evaluate('getComputedStyle(document.querySelector("rect")).fill');
    expect(fill).toBe(dark ? 'rgb(13, 17, 23)' : 'rgb(255, 255, 255)');
    // Everything lies on the sheet, and no text of an axis lies on another of its axis.
    const outside = `[...document.querySelectorAll('text')].filter((t) => {
      const [box, sheet] = [t.getBoundingClientRect(), t.closest('svg').getBoundingClientRect()];
      return box.left < sheet.left || box.right > sheet.right || box.top < sheet.top || box.bottom > sheet.bottom;
    }).map((t) => t.textContent)`;
    expect(await page.evaluate(outside)).toEqual([]);
    expect(page.complaints).toEqual([]);
  });
});
