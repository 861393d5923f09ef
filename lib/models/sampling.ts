// From scores of the next token to a token: transformers' processors, in transformers' order.
import type { Generator } from '../ops/generator.js';
import { rand } from '../ops/random.js';

/** @internal How a token is chosen. */
export interface Sampling {
  temperature: number;
  topK: number | null;
  topP: number;
  repetitionPenalty: number;
}

/**
 * @internal Changes scores: those of tokens that were there before are divided (multiplied, if negative) by
 * repetitionPenalty; then all are divided by temperature, and those that topK and topP leave out become -∞.
 */
export function processScores(scores: Float32Array, before: Iterable<number>, o: Sampling): Float32Array {
  if (o.repetitionPenalty !== 1) {
    for (const id of new Set(before)) {
      const score = scores[id];
      if (score !== undefined) scores[id] = score < 0 ? score * o.repetitionPenalty : score / o.repetitionPenalty;
    }
  }
  if (o.temperature === 0) return scores;
  if (o.temperature !== 1) for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] as number) / o.temperature;
  if (o.topK !== null && o.topK < scores.length) {
    const least = scores.slice().sort()[scores.length - o.topK] as number;
    for (let i = 0; i < scores.length; i++) if ((scores[i] as number) < least) scores[i] = -Infinity;
  }
  if (o.topP < 1) keepNucleus(scores, o.topP);
  return scores;
}

// Leaves out the least probable tokens whose probabilities sum to at most 1 - topP.
function keepNucleus(scores: Float32Array, topP: number): void {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  const weights = weightsOf(scores);
  const total = weights.reduce((sum, w) => sum + w, 0);
  let sum = 0;
  for (const id of order.slice(0, -1)) {
    sum += weights[id] as number;
    if (sum / total > 1 - topP) return;
    scores[id] = -Infinity;
  }
}

// Probabilities, but for a factor.
function weightsOf(scores: Float32Array): Float64Array {
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  return Float64Array.from(scores, (score) => Math.exp(score - most));
}

/** @internal The most probable token, or one drawn by its probability. */
export function chooseToken(scores: Float32Array, temperature: number, generator: Generator): number {
  if (temperature === 0) return scores.reduce((best, score, i) => (score > (scores[best] as number) ? i : best), 0);
  const weights = weightsOf(scores);
  const total = weights.reduce((sum, w) => sum + w, 0);
  let left = rand([1], { generator }).item() * total;
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i] as number;
    if (left < 0) return i;
  }
  return weights.findLastIndex((w) => w > 0); // rounding
}
