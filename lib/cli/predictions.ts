// Predictions as commands and the server give them.
import type { data, train } from '../index.js';

/** What a model predicts of a row. */
export interface Prediction {
  readonly prediction: train.Label;
  /** Of each class; none of a number. */
  readonly probabilities: readonly number[];
}

/** The networks run once: the class is that of the largest probability. */
export async function predictionsOf(model: train.TabularModel, rows: data.FeatureRows): Promise<Prediction[]> {
  if (model.task === 'regression') {
    return (await model.predict(rows)).map((prediction) => ({ prediction, probabilities: [] }));
  }
  return (await model.predictProba(rows)).map((probabilities) => {
    const best = probabilities.reduce((best, p, c) => (p > (probabilities[best] as number) ? c : best), 0);
    return { prediction: model.classes[best] as train.Label, probabilities };
  });
}

/** A prediction for JSON, its probabilities by class. */
export function jsonOf({ classes }: train.TabularModel, { prediction, probabilities }: Prediction): object {
  if (probabilities.length === 0) return { prediction };
  const byClass = classes.map((label, c) => [String(label), probabilities[c]] as const);
  return { prediction, probabilities: Object.fromEntries(byClass) };
}
