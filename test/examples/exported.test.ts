// The networks of the examples run in ONNX Runtime.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as adjoint from 'adjoint';
import { beforeAll, expect, test } from 'vitest';
import { exampleNetworks } from '../fixtures/onnx-examples.mjs';
import { checkExport } from '../support/onnx.js';
import { root } from '../support/pages.js';

beforeAll(() => {
  adjoint.manualSeed(1);
});

const networks = exampleNetworks(adjoint);

test.each(networks)('$name', async ({ make, example, dynamicBatch = true }) => {
  await checkExport(make(), [example(7), example(1)], { dynamicBatch }, adjoint);
});

test('each example with a model is there', () => {
  const folders = readdirSync(join(root, 'examples'));
  const own = 'onnx-finetune'; // its network comes out of a file, and its own test runs what it exports
  const withModels = folders.filter((name) => name !== own && existsSync(join(root, 'examples', name, 'model.js')));
  expect(networks.map(({ name }) => name)).toEqual(expect.arrayContaining(withModels));
});

test('breast-cancer: a network that train.tabular finds', async () => {
  const table = await adjoint.data.csv(join(root, 'examples/breast-cancer/breast-cancer.csv'));
  const options = { target: 'diagnosis', ignore: ['id'], ensemble: 1, settings: { epochs: 1 } };
  const [network] = (await adjoint.train.tabular(table, options)).networks;
  const inputs = (n: number) => ({
    numbers: adjoint.randn([n, 18]),
    codes: adjoint.randint(0, 4, [n, 1], { dtype: 'int32' }), // of the column size
  });
  await checkExport(network as adjoint.nn.Module, [inputs(7), inputs(1)], { dynamicBatch: true }, adjoint);
});
