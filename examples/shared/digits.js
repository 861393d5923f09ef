import { charts } from 'adjoint';

/**
 * Handwritten digits in rows, each with what the network took it for below, as the text of an SVG file; the wrong ones are
 * marked and have the true digit, too.
 *
 * @param {{ images: ArrayLike<number>, labels: ArrayLike<number>, predictions: ArrayLike<number>, title?: string }} options
 *   images: 0 paper to 255 ink, 28 · 28 values each, one after the other
 */
export function digitGrid({ images, labels, predictions, title = '' }) {
  const pictures = Array.from(labels, (label, i) => {
    const data = Uint8Array.from({ length: 784 }, (_, pixel) => 255 - (images[i * 784 + pixel] ?? 0));
    const isWrong = predictions[i] !== label;
    const caption = isWrong ? `${predictions[i]} not ${label}` : String(label);
    return { image: { width: 28, height: 28, data }, caption, marked: isWrong };
  });
  return charts.pictures({ title, pictures });
}
