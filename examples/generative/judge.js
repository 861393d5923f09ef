// How good made digits are, by a LeNet that knows the real ones.
import { existsSync, mkdirSync } from 'node:fs';
import { compile, io, manualSeed, metrics, nn, noGrad, optim } from 'adjoint';
import { leNet } from '../lenet/model.js';
import { percentRight } from '../shared/classifier.js';
import { learn } from './digits.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ frechet: number, inception: number }} Score of digits: 0 and 10 would be the best */

/**
 * Trains the judge, the same for all seeds, or reads it from the output folder, where it is left.
 *
 * @param {import('./digits.js').Digits} seen what it learns from, and what others are compared with
 * @param {{ output: string, epochs: number, stream: import('./digits.js').ProgressStream }} options
 */
export async function judgeOf(seen, { output, epochs, stream }) {
  manualSeed(0);
  const model = leNet();
  const images = (/** @type {Tensor} */ x) => x.sub(0.13).div(0.31).reshape([-1, 1, 28, 28]);
  mkdirSync(output, { recursive: true });
  const path = `${output}/generative-judge-${seen.x.shape[0]}-${epochs}.safetensors`;
  if (existsSync(path)) model.loadStateDict(io.load(path));
  else {
    const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
    const step = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
      const loss = nn.functional.crossEntropy(model.forward(images(x)), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    await learn([seen.x, seen.labels], step, { title: 'The judge, a LeNet', epochs, stream });
    io.save(path, model.stateDict());
  }
  model.eval();
  const [body, head] = [model.slice(0, -1), model.slice(-1)];
  const answer = compile((/** @type {Tensor} */ x) =>
    noGrad(() => {
      const features = body.forward(images(x));
      return [features, head.forward(features)];
    }),
  );
  /** @param {Tensor} x @returns {{ features: number[][], logits: number[][] }} */
  const look = (x) => {
    const [features, logits] = [/** @type {number[][]} */ ([]), /** @type {number[][]} */ ([])];
    const [count = 0] = x.shape;
    for (let start = 0; start < count; start += 500) {
      const [f, l] = /** @type {[Tensor, Tensor]} */ (
        answer.sync(x.slice({ start, end: Math.min(count, start + 500) }))
      );
      features.push(.../** @type {number[][]} */ (f.toArray()));
      logits.push(.../** @type {number[][]} */ (l.toArray()));
    }
    return { features, logits };
  };
  const real = look(seen.x).features;
  return {
    /** @param {Tensor} x made digits [n, 784] @returns {Score} */
    score: (x) => {
      const { features, logits } = look(x);
      const inception = metrics.inceptionScore(logits, { logits: true });
      return { frechet: metrics.frechetDistance(real, features), inception };
    },
    /** How often it sees the digits that were meant, in percent. @param {Tensor} x @param {ArrayLike<number>} labels */
    agreement: (x, labels) =>
      percentRight(
        look(x).logits.map((row) => row.indexOf(Math.max(...row))),
        labels,
      ),
  };
}

/**
 * A line for each of the compared.
 *
 * @param {Record<string, Score>} scores
 */
export function scoreTable(scores) {
  const lines = Object.entries(scores).map(([name, { frechet, inception }]) => {
    return `${name.padEnd(36)}${frechet.toFixed(1).padStart(10)}${inception.toFixed(2).padStart(12)}`;
  });
  return `${''.padEnd(36)}${'Fréchet'.padStart(10)}${'inception'.padStart(12)}\n${lines.join('\n')}\n`;
}
