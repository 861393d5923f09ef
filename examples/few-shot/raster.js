// Scan conversion: how much of each pixel a shape covers.

/** @typedef {[x: number, y: number]} Point */

/**
 * The part of each pixel that lies within a shape, 0 to 1, exactly. An edge changes what lies to the right of it: in each row
 * that it crosses it adds the height it takes there to all further pixels, and to its own pixels the part that is right of it.
 *
 * @param {readonly (readonly Point[])[]} outlines closed; holes run the other way round. y points down
 * @param {number} width
 * @param {number} height
 * @returns {Float32Array} [height, width]
 */
export function coverage(outlines, width, height) {
  const changes = new Float32Array(height * (width + 2));
  for (const points of outlines) {
    points.forEach((point, i) => {
      addEdge(changes, point, points[(i + 1) % points.length], width, height);
    });
  }
  const result = new Float32Array(height * width);
  for (let row = 0; row < height; row++) {
    let sum = 0;
    for (let column = 0; column < width; column++) {
      sum += changes[row * (width + 2) + column];
      result[row * width + column] = Math.min(1, Math.abs(sum));
    }
  }
  return result;
}

/** @param {Float32Array} changes @param {Point} a @param {Point} b @param {number} width @param {number} height */
function addEdge(changes, a, b, width, height) {
  if (a[1] === b[1]) return;
  const direction = a[1] < b[1] ? 1 : -1;
  const [[x0, y0], [x1, y1]] = direction > 0 ? [a, b] : [b, a];
  const slope = (x1 - x0) / (y1 - y0);
  const at = (/** @type {number} */ y) => Math.min(width, Math.max(0, x0 + slope * (y - y0)));
  for (let row = Math.max(0, Math.floor(y0)); row < Math.min(height, Math.ceil(y1)); row++) {
    const [top, bottom] = [Math.max(y0, row), Math.min(y1, row + 1)];
    if (bottom > top) addPiece(changes, row * (width + 2), at(top), at(bottom), direction * (bottom - top));
  }
}

/**
 * A piece of an edge within one row, cut where it goes from pixel to pixel.
 *
 * @param {Float32Array} changes @param {number} offset of the row
 * @param {number} from @param {number} to where it begins and ends @param {number} rise its height, with its direction
 */
function addPiece(changes, offset, from, to, rise) {
  const [left, right] = from < to ? [from, to] : [to, from];
  for (let column = Math.floor(left); column <= Math.floor(right); column++) {
    const [start, end] = [Math.max(left, column), Math.min(right, column + 1)];
    const share = right === left ? rise : (rise * (end - start)) / (right - left);
    const covered = column + 1 - (start + end) / 2; // of this pixel, right of the piece
    changes[offset + column] += share * covered;
    changes[offset + column + 1] += share * (1 - covered);
  }
}

/**
 * The outlines of a glyph as polygons: each curve becomes some straight lines.
 *
 * @param {readonly { type: string, x: number, y: number, x1: number, y1: number, x2: number, y2: number }[]} commands
 *   M: begin, L: line, Q: curve with one control point, C: with two, Z: close
 * @param {(x: number, y: number) => Point} place
 * @returns {Point[][]}
 */
export function polygons(commands, place) {
  /** @type {Point[][]} */
  const outlines = [];
  let [px, py] = [0, 0];
  for (const { type, x, y, x1, y1, x2, y2 } of commands) {
    if (type === 'Z') continue;
    if (type === 'M') outlines.push([]);
    const outline = outlines.at(-1) ?? [];
    const pieces = type === 'Q' || type === 'C' ? 5 : 1;
    for (let i = 1; i <= pieces; i++) {
      const [t, s] = [i / pieces, 1 - i / pieces];
      if (type === 'Q')
        outline.push(place(s * s * px + 2 * s * t * x1 + t * t * x, s * s * py + 2 * s * t * y1 + t * t * y));
      else if (type === 'C') {
        const weights = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
        const mix = (/** @type {number[]} */ v) => v.reduce((sum, value, k) => sum + weights[k] * value, 0);
        outline.push(place(mix([px, x1, x2, x]), mix([py, y1, y2, y])));
      } else outline.push(place(x, y));
    }
    [px, py] = [x, y];
  }
  return outlines;
}
