import { argmax, cat, full, nn, noGrad, zeros } from 'adjoint';
import { outputLength, outputs } from './data.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * An encoder that reads the characters of a date in both directions, and a decoder that writes another date and looks at
 * the encoder's states for each character (Bahdanau et al., 2014, https://arxiv.org/abs/1409.0473; in the form of Luong et
 * al., 2015, https://arxiv.org/abs/1508.04025):
 *
 *     weights = softmax(d · W · eᵀ)    context = weights · e    scores = V · tanh(U · [context, d])
 *
 * with e the encoder's states, one for each character that was read, and d the decoder's.
 */
export class DateTranslator extends nn.Module {
  /**
   * @param {number} characters how many different ones are read
   * @param {{ width?: number, hidden?: number }} [options]
   */
  constructor(characters, { width = 32, hidden = 64 } = {}) {
    super();
    this.read = new nn.Embedding(characters, width, { paddingIdx: 0 });
    this.encoder = new nn.GRU(width, hidden, { bidirectional: true, batchFirst: true });
    this.bridge = new nn.Linear(2 * hidden, hidden);
    this.written = new nn.Embedding(outputs.length, width);
    this.decoder = new nn.GRU(width, hidden, { batchFirst: true });
    this.match = new nn.Linear(hidden, 2 * hidden, { bias: false });
    this.combine = new nn.Linear(3 * hidden, hidden);
    this.output = new nn.Linear(hidden, outputs.length);
  }

  /**
   * @param {Tensor} ids int32 [batch, characters], 0 behind the end
   * @returns {{ states: Tensor, nothing: Tensor, start: Tensor }} states [batch, characters, 2 · hidden]; nothing uint8
   *   [batch, 1, characters], 1 behind the end; start [1, batch, hidden], the decoder's first state
   */
  encode(ids) {
    const isThere = ids.ne(0);
    const lengths = isThere.to('int32').sum({ dim: 1 });
    const [states, [forwards, backwards]] = this.#encoded(ids, lengths);
    const start = this.bridge.forward(cat([forwards, backwards], { dim: -1 })).tanh();
    return { states, nothing: isThere.logicalNot().unsqueeze(1), start: start.unsqueeze(0) };
  }

  /**
   * @param {Tensor} ids
   * @param {Tensor} lengths
   * @returns {[Tensor, [Tensor, Tensor]]}
   */
  #encoded(ids, lengths) {
    const [states, last] = this.encoder.forward(this.read.forward(ids), null, lengths);
    const [forwards, backwards] = last.split(1);
    return [
      states,
      [/** @type {Tensor} */ (forwards).squeeze({ dim: 0 }), /** @type {Tensor} */ (backwards).squeeze({ dim: 0 })],
    ];
  }

  /**
   * Scores of the next character after each of those given, all at once.
   *
   * @param {ReturnType<DateTranslator['encode']>} encoded
   * @param {Tensor} before int32 [batch, steps]: what was written before each character
   * @param {Tensor} state [1, batch, hidden]
   * @returns {{ scores: Tensor, weights: Tensor, state: Tensor }} scores [batch, steps, outputs], weights of attention
   *   [batch, steps, characters]
   */
  decode({ states, nothing }, before, state) {
    const [own, after] = this.decoder.forward(this.written.forward(before), state);
    const matches = this.match.forward(own).matmul(states, { transposeB: true });
    const weights = matches.maskedFill(nothing.expand(matches.shape), -1e9).softmax({ dim: -1 });
    const context = weights.matmul(states);
    const scores = this.output.forward(this.combine.forward(cat([context, own], { dim: -1 })).tanh());
    return { scores, weights, state: after };
  }

  /**
   * Scores where the true characters before are known, for training.
   *
   * @param {Tensor} ids int32 [batch, characters]
   * @param {Tensor} target int32 [batch, steps]
   * @returns {Tensor} [batch, steps, outputs]
   */
  forward(ids, target) {
    const encoded = this.encode(ids);
    const begin = zeros([ids.shape[0] ?? 0, 1], { dtype: 'int32' });
    const before = cat([begin, target.slice({ dim: 1, end: -1 })], { dim: 1 });
    return this.decode(encoded, before, encoded.start).scores;
  }

  /**
   * Writes dates: each time the likeliest character, after those that it has written itself.
   *
   * @param {Tensor} ids int32 [batch, characters]
   * @returns {{ written: Tensor, weights: Tensor }} int32 [batch, steps], and [batch, steps, characters]
   */
  translate(ids) {
    return noGrad(() => {
      const encoded = this.encode(ids);
      let state = encoded.start;
      let before = full([ids.shape[0] ?? 0, 1], 0, { dtype: 'int32' });
      const [written, weights] = [/** @type {Tensor[]} */ ([]), /** @type {Tensor[]} */ ([])];
      for (let i = 0; i < outputLength; i++) {
        const next = this.decode(encoded, before, state);
        before = argmax(next.scores, { dim: 2 });
        state = next.state;
        written.push(before);
        weights.push(next.weights);
      }
      return { written: cat(written, { dim: 1 }), weights: cat(weights, { dim: 1 }) };
    });
  }
}
