import { colours, Picture } from './picture.js';

/** @typedef {import('./picture.js').Colour} Colour */
/** @typedef {import('./picture.js').Point} Point */
/**
 * @typedef {object} Axis
 * @property {readonly [number, number]} range the values at its two ends
 * @property {boolean} [log] a logarithmic axis, default false
 * @property {string} [label]
 * @property {readonly number[]} [ticks] where to write numbers; default: chosen
 */

/** A chart on a picture: a frame with axes, and lines, points, a heat map, contours and a legend in it. */
export class Chart {
  /** @type {{ label: string, colour: Colour }[]} */
  #legend = [];

  /**
   * Draws the frame, title, axes and grid.
   * @param {Picture} picture
   * @param {{ x: Axis, y: Axis, title?: string, grid?: boolean,
   *   area?: readonly [number, number, number, number] }} options
   *   area: x, y, width and height of the part of the picture to use, labels included; default all
   */
  constructor(picture, { x, y, title, grid = true, area = [0, 0, picture.width, picture.height] }) {
    this.picture = picture;
    this.x = x;
    this.y = y;
    const yTicks = ticksOf(y);
    const margin = {
      left: (y.label ? 36 : 14) + Math.max(...yTicks.map((tick) => Picture.textWidth(formatTick(tick, y)))) + 8,
      right: 24,
      top: title ? 48 : 20,
      bottom: (x.label ? 34 : 8) + 30,
    };
    this.left = area[0] + margin.left;
    this.top = area[1] + margin.top;
    this.width = area[2] - margin.left - margin.right;
    this.height = area[3] - margin.top - margin.bottom;
    const middle = this.left + this.width / 2;
    if (title) picture.text(middle, area[1] + 24, title, { align: 'centre' });
    if (x.label) picture.text(middle, area[1] + area[3] - 22, x.label, { align: 'centre' });
    if (y.label) picture.text(area[0] + 18, this.top + this.height / 2, y.label, { align: 'centre', upwards: true });
    this.#drawTicks(ticksOf(x), yTicks, grid);
  }

  /**
   * @param {readonly number[]} xTicks
   * @param {readonly number[]} yTicks
   * @param {boolean} grid
   */
  #drawTicks(xTicks, yTicks, grid) {
    const { picture, left, top, width, height } = this;
    for (const tick of xTicks) {
      const [at] = this.place(tick, this.y.range[0]);
      if (grid) picture.rectangle(at - 0.5, top, 1, height, colours.light);
      picture.rectangle(at - 0.5, top + height, 1, 6, colours.grey);
      picture.text(at, top + height + 18, formatTick(tick, this.x), { align: 'centre' });
    }
    for (const tick of yTicks) {
      const [, at] = this.place(this.x.range[0], tick);
      if (grid) picture.rectangle(left, at - 0.5, width, 1, colours.light);
      picture.rectangle(left - 6, at - 0.5, 6, 1, colours.grey);
      picture.text(left - 10, at, formatTick(tick, this.y), { align: 'right' });
    }
    this.frame();
  }

  /** Draws the frame again, over what has covered it. */
  frame() {
    this.picture.frame(this.left, this.top, this.width + 1, this.height + 1, colours.grey);
  }

  /**
   * Where a value lies on the picture.
   * @param {number} x
   * @param {number} y
   * @returns {[number, number]}
   */
  place(x, y) {
    return [this.left + share(this.x, x) * this.width, this.top + (1 - share(this.y, y)) * this.height];
  }

  /**
   * Draws a line through values and notes it for the legend. On a logarithmic axis values of 0 and below leave a gap.
   * @param {ArrayLike<number>} xs
   * @param {ArrayLike<number>} ys
   * @param {Colour} colour
   * @param {{ label?: string, width?: number, dots?: number, outline?: Colour }} [options]
   *   dots: radius of a dot at each value, default none; outline: a colour about the line, for use on a heat map
   */
  line(xs, ys, colour, { label, width = 2.5, dots = 0, outline } = {}) {
    const points = Array.from(xs, (x, i) => this.place(x, ys[i] ?? Number.NaN));
    const clip = /** @type {const} */ ([this.left, this.top, this.width, this.height]);
    const dotted = dots > 0 ? points.filter(([x, y]) => this.#inside(x, y)) : [];
    if (outline) {
      this.picture.line(points, outline, { width: width + 2, clip });
      for (const [x, y] of dotted) this.picture.circle(x, y, dots + 1, outline);
    }
    this.picture.line(points, colour, { width, clip });
    for (const [x, y] of dotted) this.picture.circle(x, y, dots, colour);
    if (label) this.#legend.push({ label, colour });
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #inside(x, y) {
    return (
      x >= this.left - 1 && x <= this.left + this.width + 1 && y >= this.top - 1 && y <= this.top + this.height + 1
    );
  }

  /**
   * Marks one place, with a word beside it.
   * @param {number} x
   * @param {number} y
   * @param {Colour} colour
   * @param {string} [text]
   */
  mark(x, y, colour, text) {
    const [left, top] = this.place(x, y);
    this.picture.circle(left, top, 7, colours.white);
    this.picture.circle(left, top, 5, colour);
    if (text) this.picture.text(left + 12, top, text, { halo: colours.white });
  }

  /**
   * Paints a function of both axes.
   * @param {(x: number, y: number) => number} value
   * @param {(value: number) => Colour} map
   */
  heat(value, map) {
    const { left, top, width, height } = this;
    for (let row = 0; row < Math.round(height); row++) {
      for (let column = 0; column < Math.round(width); column++) {
        const x = unshare(this.x, (column + 0.5) / width);
        const y = unshare(this.y, 1 - (row + 0.5) / height);
        this.picture.blend(Math.round(left) + column, Math.round(top) + row, map(value(x, y)));
      }
    }
    this.frame();
  }

  /**
   * Draws the lines along which a function has each of the given values (marching squares on a grid of 4 pixels).
   * @param {(x: number, y: number) => number} value
   * @param {readonly number[]} levels
   * @param {Colour} colour
   * @param {{ width?: number, alpha?: number }} [options]
   */
  contours(value, levels, colour, { width = 1, alpha = 0.6 } = {}) {
    const [columns, rows] = [Math.ceil(this.width / 4), Math.ceil(this.height / 4)];
    const at = (/** @type {number} */ column, /** @type {number} */ row) =>
      value(unshare(this.x, column / columns), unshare(this.y, 1 - row / rows));
    const grid = Array.from({ length: rows + 1 }, (_, r) => Array.from({ length: columns + 1 }, (_, c) => at(c, r)));
    const clip = /** @type {const} */ ([this.left, this.top, this.width, this.height]);
    for (const level of levels) {
      /** @type {Point[]} */
      const points = []; // one line with gaps, so that the ends of its pieces are not inked twice
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          cellCrossings(grid, row, column, level).forEach(([c, r], i) => {
            if (i % 2 === 0) points.push([Number.NaN, Number.NaN]);
            points.push([this.left + (c / columns) * this.width, this.top + (r / rows) * this.height]);
          });
        }
      }
      this.picture.line(points, colour, { width, alpha, clip });
    }
    this.frame();
  }

  /**
   * Draws a box that names the lines so far.
   * @param {'top left' | 'top right' | 'bottom left' | 'bottom right'} [corner]
   */
  legend(corner = 'top right') {
    const rowHeight = 26;
    const width = 56 + Math.max(...this.#legend.map(({ label }) => Picture.textWidth(label)), 0);
    const height = 12 + rowHeight * this.#legend.length;
    const x = corner.endsWith('left') ? this.left + 14 : this.left + this.width - width - 14;
    const y = corner.startsWith('top') ? this.top + 14 : this.top + this.height - height - 14;
    this.picture.rectangle(x, y, width, height, colours.white, 0.92);
    this.picture.frame(x, y, width, height, colours.grey);
    this.#legend.forEach(({ label, colour }, i) => {
      const middle = y + 6 + rowHeight * (i + 0.5);
      this.picture.line(
        [
          [x + 12, middle],
          [x + 34, middle],
        ],
        colour,
        { width: 4 },
      );
      this.picture.text(x + 44, middle, label);
    });
  }
}

/**
 * Where a level crosses the sides of one cell of a grid, in pairs.
 * @param {readonly (readonly number[])[]} grid
 * @param {number} row
 * @param {number} column
 * @param {number} level
 */
function cellCrossings(grid, row, column, level) {
  /** @type {Point[]} */
  const corners = [
    [column, row],
    [column + 1, row],
    [column + 1, row + 1],
    [column, row + 1],
  ];
  /** @type {Point[]} */
  const crossings = [];
  corners.forEach((corner, i) => {
    const next = /** @type {Point} */ (corners[(i + 1) % 4]);
    const [a, b] = [grid[corner[1]]?.[corner[0]] ?? 0, grid[next[1]]?.[next[0]] ?? 0];
    if (a > level === b > level) return;
    const t = (level - a) / (b - a);
    crossings.push([corner[0] + t * (next[0] - corner[0]), corner[1] + t * (next[1] - corner[1])]);
  });
  return crossings;
}

/**
 * @param {Axis} axis
 * @param {number} value
 */
function share({ range: [low, high], log }, value) {
  if (log) return Math.log(value / low) / Math.log(high / low);
  return (value - low) / (high - low);
}

/**
 * @param {Axis} axis
 * @param {number} part
 */
function unshare({ range: [low, high], log }, part) {
  return log ? low * (high / low) ** part : low + (high - low) * part;
}

/**
 * Round numbers to write at an axis: about five, and at most eight powers of ten.
 * @param {Axis} axis
 * @returns {readonly number[]}
 */
function ticksOf({ range: [low, high], log, ticks }) {
  if (ticks) return ticks;
  if (log) {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const every = Math.max(1, Math.ceil((last - first) / 8));
    return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => 10 ** (first + i * every));
  }
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((factor) => factor * power >= rough * 0.8) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

/**
 * @param {number} value
 * @param {Axis} axis a logarithmic one writes powers of ten outside of 0.01 to 10,000 as such
 */
function formatTick(value, { log }) {
  const size = Math.abs(value);
  if (size !== 0 && (size < (log ? 0.0099 : 0.00099) || size > 99_999))
    return value.toExponential(0).replace('e+', 'e');
  return String(Number(value.toPrecision(6)));
}
