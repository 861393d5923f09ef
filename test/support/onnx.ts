// Checks that exported models compute in ONNX Runtime what their modules do.
import { expect } from 'vitest';
import * as adjoint from '../../lib/index.js';
import { exportedAndRun } from '../fixtures/onnx-run.mjs';

/**
 * Checks that an exported model gives what its module does for each example, within `tolerance` of the larger of 1 and |y|.
 * @param library that the module and the examples are made with
 */
export async function checkExport(
  model: object,
  examples: readonly unknown[],
  options: adjoint.io.onnx.ExportOptions & { path?: undefined; tolerance?: number } = {},
  library: unknown = adjoint,
): Promise<Uint8Array> {
  const { tolerance = 1e-4, ...rest } = options;
  const { bytes, worst, shapes } = await exportedAndRun(library, model, examples, rest);
  for (const [got, wanted] of shapes) expect(got).toEqual(wanted);
  expect(worst, 'the largest difference').toBeLessThan(tolerance);
  return bytes;
}
