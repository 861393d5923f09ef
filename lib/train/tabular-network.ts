// The network for tables: RealMLP (Holzmüller et al., "Better by default: strong pre-tuned MLPs and boosted trees on tabular
// data", 2024, https://arxiv.org/abs/2407.04491).
import { ParameterList } from '../nn/containers-list.js';
import * as functional from '../nn/functional.js';
import { Module } from '../nn/module.js';
import { Parameter } from '../nn/roles.js';
import { mish, selu } from '../ops/activation.js';
import { ones, zeros } from '../ops/creation.js';
import type { Generator } from '../ops/generator.js';
import { rand, randn } from '../ops/random.js';
import { cat } from '../ops/shape-slice.js';
import type { Tensor } from '../tensor.js';

/** How a network for tables is built. */
export interface TabularArchitecture {
  /** Columns of numbers. */
  readonly numbers: number;
  /** How many codes each column of categories has; code 0 stands for categories that are unknown or missing. */
  readonly categories: readonly number[];
  /** Classes, or 1 for a number. */
  readonly outputs: number;
  /** Widths of the hidden layers. */
  readonly hidden: readonly number[];
  readonly activation: 'selu' | 'mish';
  /** The part of the hidden values that training sets to 0. */
  readonly dropout: number;
  /** Cosines of each number, 0 for none. */
  readonly frequencies: number;
  /** The deviation of their frequencies at first. */
  readonly sigma: number;
}

/** Encoded rows: numbers [rows, numbers] and codes int32 [rows, categories], each null where there are none. */
export interface TabularInputs {
  readonly length: number;
  readonly numbers: Tensor | null;
  readonly codes: Tensor | null;
}

/** What the cosines of a number become, beside the number itself. */
const functionsOfNumber = 3;
const widestEmbedding = 8;
const embeddingWidth = (codes: number): number => Math.min(codes, widestEmbedding);

/** The names and shapes of a network's parameters. */
export function shapesOf(architecture: TabularArchitecture): Map<string, number[]> {
  const { numbers, categories, outputs, hidden, frequencies } = architecture;
  const hasCosines = frequencies > 0 && numbers > 0;
  const wide = numbers * (hasCosines ? 1 + functionsOfNumber : 1);
  const width = categories.reduce((sum, codes) => sum + embeddingWidth(codes), wide);
  const widths = [width, ...hidden, outputs];
  const layers = widths.slice(1).map((to, i) => [to, widths[i] as number]);
  return new Map([
    ...categories.map((codes, j): [string, number[]] => [`embeddings.${j}`, [codes, embeddingWidth(codes)]]),
    ...(hasCosines
      ? ([
          ['periodic.frequency', [numbers, 1, frequencies]],
          ['periodic.phase', [numbers, 1, frequencies]],
          ['periodic.weight', [numbers, frequencies, functionsOfNumber]],
          ['periodic.bias', [numbers, 1, functionsOfNumber]],
        ] satisfies [string, number[]][])
      : []),
    ['scale', [width]],
    ...layers.map((shape, i): [string, number[]] => [`weights.${i}`, shape]),
    ...layers.map(([to], i): [string, number[]] => [`biases.${i}`, [to as number]]),
  ]);
}

/** The first values of a network's parameters. */
export function drawParameters(architecture: TabularArchitecture, generator: Generator): Map<string, Tensor> {
  const { frequencies, sigma } = architecture;
  const spread = (deviation: number, shape: number[]): Tensor => randn(shape, { generator }).mul(deviation);
  const within = (limit: number, shape: number[]): Tensor =>
    rand(shape, { generator })
      .sub(0.5)
      .mul(2 * limit);
  const draw = (name: string, shape: number[]): Tensor => {
    if (name === 'scale') return ones(shape);
    if (name === 'periodic.frequency') return spread(2 * Math.PI * sigma, shape);
    if (name === 'periodic.phase') return within(Math.PI, shape);
    if (name.startsWith('periodic.')) return within(1 / Math.sqrt(frequencies), shape);
    if (name.startsWith('weights.')) return spread(1 / Math.sqrt(shape[1] as number), shape);
    if (name.startsWith('biases.')) return zeros(shape);
    const table = spread(1, shape);
    return cat([zeros([1, shape[1] as number]), table.narrow(0, 1, (shape[0] as number) - 1)], 0); // code 0, which training may never see
  };
  return new Map(Array.from(shapesOf(architecture), ([name, shape]) => [name, draw(name, shape)]));
}

/**
 * Numbers [rows, numbers] and codes int32 [rows, categories] → outputs [rows, outputs].
 *
 * Each number x becomes [x, W cos(f x + φ) + b] (Gorishniy et al., "On embeddings for numerical features in tabular deep
 * learning", 2022, https://arxiv.org/abs/2203.05556), each category a row of a table; learned factors scale all of these before
 * the layers.
 */
export class TabularNetwork extends Module {
  readonly embeddings: ParameterList;
  readonly periodic: Readonly<Record<'frequency' | 'phase' | 'weight' | 'bias', Tensor>> | null;
  readonly scale: Tensor;
  readonly weights: ParameterList;
  readonly biases: ParameterList;

  constructor(
    readonly architecture: TabularArchitecture,
    parameters: ReadonlyMap<string, Tensor>,
  ) {
    super();
    const part = (name: string): Tensor => new Parameter(parameters.get(name) as Tensor);
    const list = (name: string, length: number): ParameterList =>
      new ParameterList(Array.from({ length }, (_, i) => part(`${name}.${i}`)));
    this.embeddings = list('embeddings', architecture.categories.length);
    this.periodic = parameters.has('periodic.frequency')
      ? {
          frequency: part('periodic.frequency'),
          phase: part('periodic.phase'),
          weight: part('periodic.weight'),
          bias: part('periodic.bias'),
        }
      : null;
    this.scale = part('scale');
    this.weights = list('weights', architecture.hidden.length + 1);
    this.biases = list('biases', architecture.hidden.length + 1);
  }

  /** `generator`: of dropout's coins; without one nothing is dropped. */
  forward({ numbers, codes }: TabularInputs, generator?: Generator): Tensor {
    const { activation, dropout: p } = this.architecture;
    const parts = numbers === null ? [] : [this.#functionsOf(numbers)];
    if (codes !== null) {
      for (const [j, table] of [...this.embeddings].entries()) {
        parts.push(functional.embedding(codes.select(1, j), table as Tensor));
      }
    }
    let x = (parts.length === 1 ? (parts[0] as Tensor) : cat(parts, 1)).mul(this.scale);
    const biases = [...this.biases] as Tensor[];
    for (const [i, weight] of [...this.weights].entries()) {
      x = functional.linear(x, weight as Tensor, biases[i] as Tensor);
      if (i === biases.length - 1) break;
      x = activation === 'selu' ? selu(x) : mish(x);
      if (generator !== undefined && p > 0) x = functional.dropout(x, p, true, { generator });
    }
    return x;
  }

  #functionsOf(numbers: Tensor): Tensor {
    if (this.periodic === null) return numbers;
    const { frequency, phase, weight, bias } = this.periodic;
    const columns = numbers.transpose(0, 1).unsqueeze(2);
    const waves = columns.mul(frequency).add(phase).cos();
    return cat([columns, waves.matmul(weight).add(bias)], 2)
      .transpose(0, 1)
      .flatten(1);
  }
}
