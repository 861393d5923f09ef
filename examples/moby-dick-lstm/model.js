import { Generator, nn, noGrad, rand, scope, tensor, zeros } from 'adjoint';
import { draw } from '../shared/moby-dick.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {[h: Tensor, c: Tensor]} State [layers, batch, hidden] both */

/** Vectors of characters → LSTM → scores of the next character, at each step. */
export class CharacterLSTM extends nn.Module {
  /**
   * @param {number} characters
   * @param {{ width?: number, hidden?: number, layers?: number, dropout?: number }} [options]
   */
  constructor(characters, { width = 64, hidden = 256, layers = 1, dropout = 0.1 } = {}) {
    super();
    this.embedding = new nn.Embedding(characters, width);
    this.lstm = new nn.LSTM(width, hidden, { numLayers: layers, dropout: layers > 1 ? dropout : 0, batchFirst: true });
    this.dropout = new nn.Dropout(dropout);
    this.output = new nn.Linear(hidden, characters);
  }

  /**
   * @param {Tensor} ids int32 [batch, steps]
   * @param {State} state after what came before
   * @returns {[scores: Tensor, state: State]} [batch, steps, characters], and the state after the last step
   */
  forward(ids, state) {
    const [y, after] = this.lstm.forward(this.embedding.forward(ids), state);
    return [this.output.forward(this.dropout.forward(y)), after];
  }

  /**
   * The state at the beginning of a text.
   *
   * @param {number} batch
   * @returns {State}
   */
  start(batch) {
    const shape = [this.lstm.numLayers, batch, this.lstm.hiddenSize];
    return [zeros(shape), zeros(shape)];
  }

  /**
   * Goes on after a beginning.
   *
   * @param {Int32Array} beginning
   * @param {number} count characters to add
   * @param {{ temperature?: number, seed?: number }} [options]
   * @returns {number[]} beginning and all that follows
   */
  generate(beginning, count, { temperature = 0.7, seed = 1 } = {}) {
    const random = rand([count], { generator: new Generator(seed) }).toTypedArray();
    const text = [...beginning];
    let state = this.start(1);
    let next = text;
    for (let i = 0; i < count; i++) {
      const ids = next;
      const [scores, after] = scope(() => noGrad(() => this.forward(tensor([ids], { dtype: 'int32' }), state)));
      const last = scores.slice({ dim: 1, start: -1 }).toTypedArray();
      next = [draw(last, temperature, random[i] ?? 0)];
      text.push(...next);
      state = after;
    }
    return text;
  }
}
