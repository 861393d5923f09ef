// Pictures side by side, and charts side by side: nothing is plotted, so that ECharts has no part in it.
import { ArgumentError, checkEach, checkFlag, checkInteger, checkText, describe } from '../errors.js';
import { encodePng, type Image } from '../io/index.js';
import { checkOptions } from '../options.js';
import { type ChartOptions, shorten } from './frame.js';
import { alone, sizeOf, within } from './svg.js';
import { escapeText, ink, muted, paper, rule, seriesColour } from './theme.js';

/** A picture and what stands below it. */
export interface Picture {
  image: Image;
  caption?: string;
  /** Whether it is marked, such as a wrong prediction; default false. */
  marked?: boolean;
}

/** Options of {@link pictures}. */
export interface PicturesOptions extends Pick<ChartOptions, 'title'> {
  pictures: readonly Picture[];
  /** How many stand in a row, default 10. */
  columns?: number;
  /** The width of each in pixels, default 84. Small images are enlarged without blur. */
  size?: number;
}

const [gap, line] = [12, 22];

/**
 * Pictures in rows, each with a caption, as the text of an SVG file.
 *
 * @throws ArgumentError for what is not a picture, and unknown options
 * @example
 * const image = { width: 2, height: 2, data: Uint8Array.of(0, 255, 255, 0) };
 * const svg = charts.pictures({ pictures: [{ image, caption: 'a 7' }] });
 */
export function pictures(options: PicturesOptions): string {
  return drawPictures(checkPictures('pictures', options));
}

/** A picture as a PNG file in base64, which is what a record of a run keeps. */
export interface EncodedPicture extends Required<Omit<Picture, 'image'>> {
  image: string;
  width: number;
  height: number;
}

/** What is drawn, checked. */
export interface EncodedPictures extends Required<Omit<PicturesOptions, 'pictures'>> {
  pictures: EncodedPicture[];
}

/** @internal Options of {@link pictures} or of what takes the same. */
export function checkPictures(operation: string, options: PicturesOptions): EncodedPictures {
  checkOptions(operation, options ?? null, ['pictures', 'columns', 'size', 'title']);
  return {
    title: checkText(operation, 'title', options.title ?? ''),
    columns: checkInteger(operation, 'columns', options.columns ?? 10, 1, 100),
    size: checkInteger(operation, 'size', options.size ?? 84, 8, 1024),
    pictures: checkEach(operation, 'pictures', 'must be a list of { image, caption }', options.pictures, (value, i) => {
      const place = `pictures[${i}]`;
      if (typeof value !== 'object' || value === null) {
        throw new ArgumentError(`${operation}: ${place} must be { image, caption }, got ${describe(value)}`);
      }
      checkOptions(operation, value, ['image', 'caption', 'marked']);
      const { image, caption = '', marked = false } = value as Picture;
      checkText(operation, `${place}.caption`, caption);
      checkFlag(operation, `${place}.marked`, marked);
      const encoded = Buffer.from(encodePng(image)).toString('base64');
      return { image: encoded, width: image.width, height: image.height, caption, marked };
    }),
  };
}

/** @internal The text of an SVG file. */
export function drawPictures({ title, columns: most, size, pictures }: EncodedPictures): string {
  const columns = Math.max(1, Math.min(most, pictures.length));
  const top = title === '' ? gap : 40;
  const tallest = pictures.reduce((found, { width, height }) => Math.max(found, (size * height) / width), 0);
  const rowHeight = tallest + line + gap;
  const width = Math.max(columns * (size + gap) + gap, title === '' ? 0 : 32 + 9 * Math.min(title.length, 40));
  const height = Math.ceil(top + Math.ceil(pictures.length / columns) * rowHeight);
  const items = pictures.map((picture, i) => {
    const [x, y] = [gap + (i % columns) * (size + gap), top + Math.floor(i / columns) * rowHeight];
    return item(picture, x, y, size);
  });
  return sheet(title, width, height, items.join('\n'));
}

function item(picture: EncodedPicture, x: number, y: number, size: number): string {
  const { image, caption, marked } = picture;
  const height = (size * picture.height) / picture.width;
  const frame = marked ? [seriesColour(1), 3] : [rule, 1];
  const place = `x="${x}" y="${y}" width="${size}" height="${height}"`;
  const middle = x + size / 2;
  return `<image ${place} href="data:image/png;base64,${image}" preserveAspectRatio="none" image-rendering="pixelated"/>
<rect ${place} fill="none" stroke="${frame[0]}" stroke-width="${frame[1]}"/>
<text x="${middle}" y="${y + height + 16}" text-anchor="middle" fill="${marked ? seriesColour(1) : muted}">${escapeText(shorten(caption))}</text>`;
}

function sheet(title: string, width: number, height: number, content: string): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const heading = `<text x="${gap}" y="25" font-size="15" font-weight="600" fill="${ink}">${escapeText(title)}</text>`;
  return alone(`<svg role="img" aria-label="${escapeText(title)}" ${size} xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="${paper}"/>
${title === '' ? '' : heading}
${content}
</svg>`);
}

/**
 * Charts and pictures made here on one sheet, in rows, as the text of an SVG file.
 *
 * @param charts texts that functions of `charts` gave
 * @param options.columns how many stand in a row, default 1
 * @throws ArgumentError for a text that no function of `charts` gave
 * @example
 * const chart = await charts.lines({ lines: [{ y: [1, 2] }] });
 * const svg = charts.sideBySide([chart, chart], { columns: 2 });
 */
export function sideBySide(charts: readonly string[], options?: { columns?: number; title?: string }): string {
  checkOptions('sideBySide', options, ['columns', 'title']);
  const columns = checkInteger('sideBySide', 'columns', options?.columns ?? 1, 1, 100);
  const title = checkText('sideBySide', 'title', options?.title ?? '');
  const list = checkEach('sideBySide', 'charts', 'must be a list of charts', charts, (chart, i) => {
    const text = checkText('sideBySide', `charts[${i}]`, chart);
    const [width, height] = sizeOf(text);
    if (width > 0 && height > 0) return { text: within(text), width, height };
    throw new ArgumentError(`sideBySide: charts[${i}] must be a chart made by charts, got ${describe(text)}`);
  });
  let [across, y] = [0, title === '' ? 0 : 36];
  const placed: string[] = [];
  for (let start = 0; start < list.length; start += columns) {
    const row = list.slice(start, start + columns);
    let x = 0;
    for (const { text, width } of row) {
      placed.push(text.replace(/^<svg role="img"/, `<svg x="${x}" y="${y}" role="img"`));
      x += width;
    }
    across = Math.max(across, x);
    y += row.reduce((tallest, { height }) => Math.max(tallest, height), 0);
  }
  return sheet(title, Math.max(1, across), Math.max(1, y), placed.join('\n'));
}
