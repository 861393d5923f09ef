import { nn } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * Reads all words of a mail at once: vectors of words, with their positions → transformer encoder, in which each word looks
 * at all others (Vaswani et al., 2017, https://arxiv.org/abs/1706.03762) → the mean over all words → one score, above 0 for
 * spam.
 */
export class SpamTransformer extends nn.Module {
  /**
   * @param {number} words of the vocabulary, padding and the unknown word included
   * @param {{ width?: number, heads?: number, layers?: number, dropout?: number }} [options]
   */
  constructor(words, { width = 64, heads = 4, layers = 2, dropout = 0.3 } = {}) {
    super();
    this.embedding = new nn.Embedding(words, width, { paddingIdx: 0 });
    this.positions = new nn.SinusoidalPositions(width, { batchFirst: true });
    this.dropout = new nn.Dropout(dropout);
    const options = { dimFeedforward: 2 * width, dropout, batchFirst: true, normFirst: true };
    const layer = new nn.TransformerEncoderLayer(width, heads, options);
    this.encoder = new nn.TransformerEncoder(layer, layers, { norm: new nn.LayerNorm(width) });
    this.output = new nn.Linear(width, 1);
    nn.init.normal_(this.embedding.weight, 0, 0.1); // so that what is learned soon outweighs where it began
  }

  /**
   * @param {Tensor} ids int32 [batch, steps], 0 behind the end
   * @param {Tensor} lengths int32 [batch]
   * @returns {Tensor} [batch]
   */
  forward(ids, lengths) {
    const words = this.dropout.forward(this.positions.forward(this.embedding.forward(ids)));
    const encoded = this.encoder.forward(words, { srcKeyPaddingMask: ids.eq(0) });
    const isThere = ids.ne(0).to('float32').unsqueeze(2);
    const mean = encoded.mul(isThere).sum({ dim: 1 }).div(lengths.to('float32').unsqueeze(1));
    return this.output.forward(this.dropout.forward(mean)).reshape([-1]);
  }
}
