// A network over the numbers and categories of a table.
import { cat, nn } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

export class TableNetwork extends nn.Module {
  /**
   * @param {{ numbers: number, cardinalities: readonly number[] }} inputs of `data.Features`
   * @param {{ outputs: number, width?: number, dropout?: number, most?: number }} options most: numbers that a category becomes
   */
  constructor({ numbers, cardinalities }, { outputs, width = 64, dropout = 0.3, most = 16 }) {
    super();
    const sizes = cardinalities.map((count) => Math.min(most, Math.ceil(Math.sqrt(count))));
    this.embeddings = new nn.ModuleList(cardinalities.map((count, i) => new nn.Embedding(count, sizes[i])));
    const inputs = sizes.reduce((sum, size) => sum + size, numbers);
    this.layers = nn.sequential(
      new nn.Dropout(dropout / 2),
      new nn.Linear(inputs, width),
      new nn.ReLU(),
      new nn.Dropout(dropout),
      new nn.Linear(width, width / 2),
      new nn.ReLU(),
      new nn.Linear(width / 2, outputs),
    );
  }

  /** @param {Tensor} numbers [n, numbers] @param {Tensor} categories int32 [n, categories] @returns {Tensor} [n, outputs] */
  forward(numbers, categories) {
    const parts = [...this.embeddings].map((embedding, i) =>
      /** @type {import('adjoint').nn.Embedding} */ (embedding).forward(categories.select(1, i)),
    );
    return this.layers.forward(cat([numbers, ...parts], 1));
  }
}
