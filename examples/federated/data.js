// Digits as they are when everybody has other ones.
import { cat, Generator, randperm } from 'adjoint';

/** @typedef {import('../shared/classifier.js').Part} Part */

/**
 * The shards of McMahan et al.: images in the order of their labels are cut into twice as many shards as there are clients, and
 * each client gets two of them. Most clients know two digits, and none knows all.
 *
 * @param {Part} part
 * @param {number} clients
 * @returns {Part[]}
 */
export function shards({ images, labels }, clients) {
  const order = labels.argsort();
  const size = Math.floor(labels.length / (2 * clients));
  const dealt = randperm(2 * clients, { generator: new Generator(1) }).toTypedArray();
  return Array.from({ length: clients }, (_, client) => {
    const [a = 0, b = 0] = dealt.subarray(2 * client, 2 * client + 2);
    const own = cat([a, b].map((shard) => order.narrow(0, shard * size, size)));
    return { images: images.indexSelect(0, own), labels: labels.indexSelect(0, own) };
  });
}
