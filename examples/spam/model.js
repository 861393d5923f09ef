import { nn } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * Reads a mail word by word in both directions: embedding → GRU → the largest value of each feature over all words → one
 * score, above 0 for spam.
 */
export class SpamGRU extends nn.Module {
  /**
   * @param {number} words of the vocabulary, padding and the unknown word included
   * @param {{ width?: number, hidden?: number, dropout?: number }} [options] width: of a word's vector
   */
  constructor(words, { width = 64, hidden = 64, dropout = 0.3 } = {}) {
    super();
    this.embedding = new nn.Embedding(words, width, { paddingIdx: 0 });
    nn.init.normal_(this.embedding.weight, 0, 0.1); // so that what is learned soon outweighs where it began
    this.gru = new nn.GRU(width, hidden, { bidirectional: true, batchFirst: true });
    this.dropout = new nn.Dropout(dropout);
    this.output = new nn.Linear(2 * hidden, 1);
  }

  /**
   * @param {Tensor} ids int32 [batch, steps]
   * @param {Tensor} lengths int32 [batch]
   * @returns {Tensor} [batch]
   */
  forward(ids, lengths) {
    const words = this.dropout.forward(this.embedding.forward(ids));
    const [states] = this.gru.forward(words, null, lengths); // [batch, steps, 2 · hidden], 0 behind the end
    const strongest = states.max({ dim: 1 }).values;
    return this.output.forward(this.dropout.forward(strongest)).reshape([-1]);
  }
}
