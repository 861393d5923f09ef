import { colours, Picture } from './picture.js';

/**
 * A picture of handwritten digits in rows, each with what the network took it for below; the wrong ones in red, with
 * the true digit.
 * @param {{ images: ArrayLike<number>, labels: ArrayLike<number>, predictions: ArrayLike<number>,
 *   columns?: number, size?: number, scale?: number }} options
 *   images: 0 paper to 255 ink, size·size values each, one after the other; size default 28; scale: pixels for each
 *   value, default 3
 */
export function digitGrid({ images, labels, predictions, columns = 10, size = 28, scale = 3 }) {
  const side = size * scale;
  const [gap, caption] = [12, 28];
  const rows = Math.ceil(labels.length / columns);
  const [cellWidth, cellHeight] = [side + gap, side + caption + gap];
  const picture = new Picture(columns * cellWidth + gap, rows * cellHeight + gap);
  for (let i = 0; i < labels.length; i++) {
    const x = gap + (i % columns) * cellWidth;
    const y = gap + Math.floor(i / columns) * cellHeight;
    const pixels = Array.from({ length: size * size }, (_, pixel) => images[i * size * size + pixel] ?? 0);
    picture.image(x, y, side, side, pixels, size, (value) => [255 - value, 255 - value, 255 - value]);
    const right = predictions[i] === labels[i];
    const colour = right ? colours.grey : colours.red;
    picture.frame(x - 1, y - 1, side + 2, side + 2, right ? colours.light : colours.red, right ? 1 : 3);
    const text = right ? String(predictions[i]) : `${predictions[i]} not ${labels[i]}`;
    picture.text(x + side / 2, y + side + 16, text, { align: 'centre', colour: right ? colours.ink : colour });
  }
  return picture;
}
