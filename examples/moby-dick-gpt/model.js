import { arange, Generator, nn, noGrad, rand, scope, tensor } from 'adjoint';
import { draw } from '../shared/moby-dick.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * A small GPT (Radford et al., "Language models are unsupervised multitask learners", 2019): vectors of characters and of
 * positions → transformer layers that look back only → scores of the next character, at each position.
 */
export class CharacterGPT extends nn.Module {
  /**
   * @param {number} characters
   * @param {{ context?: number, width?: number, layers?: number, heads?: number, dropout?: number }} [options]
   *   context: how many characters it looks back at most
   */
  constructor(characters, { context = 128, width = 128, layers = 4, heads = 4, dropout = 0 } = {}) {
    super();
    this.context = context;
    this.characters = new nn.Embedding(characters, width);
    this.positions = new nn.Embedding(context, width);
    this.layers = Array.from({ length: layers }, () => {
      const options = { dimFeedforward: 4 * width, dropout, batchFirst: true, normFirst: true };
      return new nn.TransformerEncoderLayer(width, heads, { ...options, activation: 'gelu' });
    });
    this.norm = new nn.LayerNorm(width);
    this.output = new nn.Linear(width, characters, { bias: false });
    for (const [name, weight] of this.namedParameters()) {
      const scale = /out_proj|linear2/.test(name) ? 1 / Math.sqrt(2 * layers) : 1; // what is added to the residual stream
      if (weight.rank > 1) nn.init.normal_(weight, 0, 0.02 * scale);
    }
  }

  /**
   * @param {Tensor} ids int32 [batch, steps]
   * @param {import('adjoint').nn.KeyValueCache[]} [caches] one a layer: what came before, in generation
   * @returns {Tensor} [batch, steps, characters]
   */
  forward(ids, caches) {
    const before = caches?.[0]?.length ?? 0;
    const places = arange(before, before + (ids.shape[1] ?? 0), { dtype: 'int32' });
    let x = this.characters.forward(ids).add(this.positions.forward(places));
    this.layers.forEach((layer, i) => {
      const cache = caches?.[i];
      x = layer.forward(x, cache ? { isCausal: true, cache } : { isCausal: true });
    });
    return this.output.forward(this.norm.forward(x));
  }

  /**
   * Goes on after a beginning. Keys and values of earlier characters are kept, so that each costs one row; when the context
   * is full, it begins again with the newer half.
   *
   * @param {Int32Array} beginning
   * @param {number} count characters to add
   * @param {{ temperature?: number, seed?: number }} [options]
   * @returns {number[]} beginning and all that follows
   */
  generate(beginning, count, { temperature = 0.8, seed = 1 } = {}) {
    const random = rand([count], { generator: new Generator(seed) }).toTypedArray();
    const caches = this.layers.map(() => new nn.KeyValueCache({ capacity: this.context }));
    const text = [...beginning];
    let next = text.slice(-this.context);
    for (let i = 0; i < count; i++) {
      if ((caches[0]?.length ?? 0) + next.length > this.context) {
        for (const cache of caches) cache.truncate();
        next = text.slice(-this.context / 2);
      }
      const ids = next;
      const scores = scope(() =>
        noGrad(() =>
          this.forward(tensor([ids], { dtype: 'int32' }), caches)
            .slice({ dim: 1, start: -1 })
            .toTypedArray(),
        ),
      );
      next = [draw(scores, temperature, random[i] ?? 0)];
      text.push(...next);
    }
    for (const cache of caches) cache.dispose();
    return text;
  }
}
