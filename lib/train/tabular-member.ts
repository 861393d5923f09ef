// One network of a model with its features: from the rows of a table to probabilities or numbers.
import type { Features } from '../data/features.js';
import type { Table } from '../data/table.js';
import type { Tensor } from '../tensor.js';
import type { TabularArchitecture, TabularInputs, TabularNetwork } from './tabular-network.js';
import { outputsOf } from './tabular-outputs.js';
import type { TabularSettings } from './tabular-settings.js';
import type { Target } from './tabular-target.js';

/** One network of a model, and how columns become what it takes. */
export interface TabularMember {
  readonly features: Features;
  readonly network: TabularNetwork;
}

/** What a network takes, of the rows of a table. */
export function inputsOf(features: Features, table: Table): TabularInputs {
  const { numbers, categories } = features.transform(table);
  const filled = (t: Tensor): Tensor | null => (t.shape[1] === 0 ? null : t);
  return { length: table.length, numbers: filled(numbers), codes: filled(categories) };
}

/** A network for features and a target, with what is left to choose. */
export function architectureOf(
  features: Features,
  { task, classes }: Target,
  { hidden, dropout, frequencies, sigma }: Pick<TabularSettings, 'hidden' | 'dropout' | 'frequencies' | 'sigma'>,
): TabularArchitecture {
  return {
    numbers: features.featureNames.length,
    categories: features.cardinalities,
    outputs: Math.max(1, classes.length),
    activation: task === 'regression' ? 'mish' : 'selu',
    ...{ hidden, dropout, frequencies, sigma },
  };
}

/** Probabilities [rows · classes], or numbers [rows], by one network. */
export async function valuesOf(
  { task, mean, deviation, low, high }: Target,
  { features, network }: TabularMember,
  table: Table,
): Promise<Float64Array> {
  const outputs = await outputsOf(network, inputsOf(features, table));
  if (task !== 'regression') return Float64Array.from(outputs.to('float64').softmax(1).toTypedArray());
  return Float64Array.from(outputs.toTypedArray(), (y) => Math.max(low, Math.min(high, y * deviation + mean)));
}
