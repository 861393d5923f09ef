import { glyph, glyphHeight, glyphWidth } from './font.js';

/** @typedef {readonly [number, number, number]} Colour red, green, blue from 0 to 255 */
/** @typedef {readonly [number, number]} Point x from the left, y from the top, in pixels; may be fractions */

/** Colours that are told apart easily, also by the colour-blind (Okabe and Ito, 2008), and those of paper and ink. */
export const colours = /** @type {const} */ ({
  blue: [0, 114, 178],
  orange: [230, 159, 0],
  green: [0, 158, 115],
  red: [213, 50, 40],
  purple: [170, 90, 150],
  sky: [86, 180, 233],
  black: [0, 0, 0],
  white: [255, 255, 255],
  ink: [40, 44, 52],
  grey: [140, 144, 152],
  light: [226, 229, 234],
});

/** @type {Colour[]} the colours of the lines of a chart, in turn */
export const palette = [colours.blue, colours.red, colours.green, colours.orange, colours.purple, colours.sky];

/**
 * A picture in memory to draw on: `data` holds red, green and blue of each pixel, row by row from the top left. Hand it
 * to `io.writePng`. What lies outside of the picture is not drawn.
 */
export class Picture {
  /**
   * @param {number} width
   * @param {number} height
   * @param {Colour} [background]
   */
  constructor(width, height, background = colours.white) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height * 3);
    this.rectangle(0, 0, width, height, background);
  }

  /**
   * Lays a colour over one pixel, `alpha` of it (0 nothing, 1 all).
   * @param {number} x
   * @param {number} y
   * @param {Colour} colour
   * @param {number} [alpha]
   */
  blend(x, y, colour, alpha = 1) {
    if (!(x >= 0 && y >= 0 && x < this.width && y < this.height) || alpha <= 0) return;
    const at = 3 * (y * this.width + x);
    for (let c = 0; c < 3; c++) {
      const below = this.data[at + c] ?? 0;
      this.data[at + c] = Math.round(below + ((colour[c] ?? 0) - below) * Math.min(1, alpha));
    }
  }

  /**
   * Fills a rectangle; edges go to whole pixels.
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   * @param {Colour} colour
   * @param {number} [alpha]
   */
  rectangle(x, y, width, height, colour, alpha = 1) {
    const [left, right] = [Math.max(0, Math.round(x)), Math.min(this.width, Math.round(x + width))];
    const [top, bottom] = [Math.max(0, Math.round(y)), Math.min(this.height, Math.round(y + height))];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) this.blend(column, row, colour, alpha);
    }
  }

  /**
   * Draws the border of a rectangle, inside of it.
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   * @param {Colour} colour
   * @param {number} [thickness]
   */
  frame(x, y, width, height, colour, thickness = 1) {
    this.rectangle(x, y, width, thickness, colour);
    this.rectangle(x, y + height - thickness, width, thickness, colour);
    this.rectangle(x, y + thickness, thickness, height - 2 * thickness, colour);
    this.rectangle(x + width - thickness, y + thickness, thickness, height - 2 * thickness, colour);
  }

  /**
   * Draws a smooth line through points, with round ends. A pixel's ink is how near its middle is to the nearest segment,
   * so that joints are not inked twice. A point that is not finite leaves a gap.
   * @param {readonly Point[]} points
   * @param {Colour} colour
   * @param {{ width?: number, alpha?: number, clip?: readonly [number, number, number, number] }} [options]
   *   width in pixels, default 1.5; clip: x, y, width and height of the part that may be drawn on
   */
  line(points, colour, { width = 1.5, alpha = 1, clip = [0, 0, this.width, this.height] } = {}) {
    const reach = width / 2 + 0.5;
    /** @type {Map<number, number>} nearest distance by pixel */
    const nearest = new Map();
    for (let i = 1; i < points.length; i++) {
      const [x0, y0] = /** @type {Point} */ (points[i - 1]);
      const [x1, y1] = /** @type {Point} */ (points[i]);
      const segment = clipSegment([x0, y0, x1, y1], clip, reach + 1);
      if (segment !== undefined) this.#nearSegment(nearest, segment, reach, clip);
    }
    for (const [pixel, distance] of nearest) {
      const ink = Math.min(1, reach - distance) * Math.min(1, width);
      this.blend(pixel % this.width, Math.floor(pixel / this.width), colour, ink * alpha);
    }
  }

  /**
   * @param {Map<number, number>} nearest
   * @param {readonly [number, number, number, number]} segment
   * @param {number} reach
   * @param {readonly [number, number, number, number]} clip
   */
  #nearSegment(nearest, [x0, y0, x1, y1], reach, clip) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const squared = dx * dx + dy * dy;
    const steps = Math.ceil(Math.max(Math.abs(dx), Math.abs(dy))) || 1;
    const right = Math.min(this.width, Math.round(clip[0] + clip[2]));
    const bottom = Math.min(this.height, Math.round(clip[1] + clip[3]));
    for (let step = 0; step <= steps; step++) {
      // A small window about each point of the segment, rather than its whole bounding box.
      const [cx, cy] = [x0 + (dx * step) / steps, y0 + (dy * step) / steps];
      const top = Math.max(0, Math.round(clip[1]), Math.floor(cy - reach - 1));
      const left = Math.max(0, Math.round(clip[0]), Math.floor(cx - reach - 1));
      for (let y = top; y < Math.min(bottom, cy + reach + 1); y++) {
        for (let x = left; x < Math.min(right, cx + reach + 1); x++) {
          const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
          const along = squared === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
          const distance = Math.hypot(px - along * dx, py - along * dy);
          const pixel = y * this.width + x;
          if (distance < reach && distance < (nearest.get(pixel) ?? reach)) nearest.set(pixel, distance);
        }
      }
    }
  }

  /**
   * Fills a smooth disc.
   * @param {number} x of its middle
   * @param {number} y
   * @param {number} radius
   * @param {Colour} colour
   * @param {number} [alpha]
   */
  circle(x, y, radius, colour, alpha = 1) {
    this.line(
      [
        [x, y],
        [x, y],
      ],
      colour,
      { width: 2 * radius, alpha },
    ); // prettier as one dot of a round pen
  }

  /**
   * Writes ASCII text; `x` and `y` are the middle of its height and, by `align`, its left end, middle or right end.
   * @param {number} x
   * @param {number} y
   * @param {string} text
   * @param {{ colour?: Colour, scale?: number, align?: 'left' | 'centre' | 'right', upwards?: boolean,
   *   halo?: Colour }} [options]
   *   scale: whole pixels for each pixel of the font, default 2; upwards: turned by 90°, so that it reads from below;
   *   halo: a colour about the letters, to be readable on anything
   */
  text(x, y, text, { colour = colours.ink, scale = 2, align = 'left', upwards = false, halo } = {}) {
    if (halo) {
      for (const [dx, dy] of [
        [-2, 0],
        [2, 0],
        [0, -2],
        [0, 2],
        [-1, -1],
        [1, -1],
        [-1, 1],
        [1, 1],
      ]) {
        this.text(x + (dx ?? 0), y + (dy ?? 0), text, { colour: halo, scale, align, upwards });
      }
    }
    const length = Picture.textWidth(text, scale);
    const start = align === 'left' ? 0 : align === 'centre' ? -length / 2 : -length;
    const middle = (7 * scale) / 2; // descenders hang below
    [...text].forEach((character, i) => {
      glyph(character).forEach((ink, pixel) => {
        if (!ink) return;
        const u = start + (i * (glyphWidth + 1) + (pixel % glyphWidth)) * scale;
        const v = Math.floor(pixel / glyphWidth) * scale - middle;
        const left = upwards ? Math.round(x) + Math.round(v) : Math.round(x + u);
        const top = upwards ? Math.round(y - u) - scale : Math.round(y) + Math.round(v);
        this.rectangle(left, top, scale, scale, colour);
      });
    });
  }

  /**
   * How wide a text is in pixels.
   * @param {string} text
   * @param {number} [scale]
   */
  static textWidth(text, scale = 2) {
    return Math.max(0, [...text].length * (glyphWidth + 1) - 1) * scale;
  }

  /** How high a text is in pixels, descenders included. */
  static textHeight(scale = 2) {
    return glyphHeight * scale;
  }

  /**
   * Draws a small image, each of its values as a rectangle of colour.
   * @param {number} x
   * @param {number} y
   * @param {number} width of the result in pixels
   * @param {number} height
   * @param {ArrayLike<number>} values row by row from the top
   * @param {number} columns how many values a row has
   * @param {(value: number) => Colour} map the colour of a value
   */
  image(x, y, width, height, values, columns, map) {
    const rows = values.length / columns;
    for (let row = 0; row < Math.round(height); row++) {
      for (let column = 0; column < Math.round(width); column++) {
        const at = Math.floor((row * rows) / height) * columns + Math.floor((column * columns) / width);
        this.blend(Math.round(x) + column, Math.round(y) + row, map(values[at] ?? 0));
      }
    }
  }
}

/**
 * The part of a segment within `margin` of a rectangle (Liang and Barsky, 1984), so that far points cost nothing.
 * @param {readonly [number, number, number, number]} segment
 * @param {readonly [number, number, number, number]} clip
 * @param {number} margin
 * @returns {[number, number, number, number] | undefined}
 */
function clipSegment([x0, y0, x1, y1], [left, top, width, height], margin) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  if (![dx, dy].every(Number.isFinite)) return undefined;
  let [from, to] = [0, 1];
  for (const [change, room] of [
    [-dx, x0 - (left - margin)],
    [dx, left + width + margin - x0],
    [-dy, y0 - (top - margin)],
    [dy, top + height + margin - y0],
  ]) {
    if (change === undefined || room === undefined) continue;
    if (change === 0 && room < 0) return undefined;
    if (change < 0) from = Math.max(from, room / change);
    if (change > 0) to = Math.min(to, room / change);
  }
  return from > to ? undefined : [x0 + from * dx, y0 + from * dy, x0 + to * dx, y0 + to * dy];
}

/**
 * A colour between given ones: 0 gives the first, 1 the last.
 * @param {readonly Colour[]} stops evenly spaced
 * @returns {(share: number) => Colour}
 */
export function colourScale(stops) {
  return (share) => {
    const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
    const index = Math.min(stops.length - 2, Math.floor(place));
    const [low, high] = [stops[index] ?? colours.black, stops[index + 1] ?? colours.black];
    const mix = (/** @type {0 | 1 | 2} */ c) => Math.round(low[c] + (high[c] - low[c]) * (place - index));
    return [mix(0), mix(1), mix(2)];
  };
}
