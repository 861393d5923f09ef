// Layers models of TensorFlow.js against its own predictions, and files that are damaged.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cat, compile, FileError, io, models, nn, noGrad, optim, type Tensor, tensor } from '../../lib/index.js';
import { readGolden } from '../support/golden.js';

interface Numbers {
  shape: number[];
  data: number[];
}

// biome-ignore lint/suspicious/noExplicitAny: any JSON, which the tests damage
type Json = any;

interface Case {
  name: string;
  json: Json;
  weights: string;
  inputs: Numbers[];
  outputs: Numbers[];
}

const cases = new Map(readGolden<Case[]>('tfjs').map((row) => [row.name, row]));
const caseOf = (name: string): Case => structuredClone(cases.get(name)) as Case;
const shards = ['group1-shard1of2.bin', 'group1-shard2of2.bin'];

let folder = '';
let path = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-tfjs-'));
  path = join(folder, 'model.json');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes the files, cut in the midst of a number. */
function write(json: Json, bytes: Buffer): string {
  const cut = Math.min(5, bytes.length);
  writeFileSync(join(folder, shards[0] as string), bytes.subarray(0, cut));
  writeFileSync(join(folder, shards[1] as string), bytes.subarray(cut));
  writeFileSync(path, JSON.stringify(json));
  return path;
}

const bytesOf = ({ weights }: Case) => Buffer.from(weights, 'base64');
const load = (row: Case) => models.fromTfjs(write(row.json, bytesOf(row)));
const inputsOf = ({ inputs }: Case) => inputs.map(({ data, shape }) => tensor(data, { shape }));
const run = (model: nn.Module, xs: Tensor[]): Tensor[] => [model.forward(...xs)].flat();

function expectOutputs(ys: readonly Tensor[], outputs: readonly Numbers[], tolerance = 1e-5): void {
  expect(ys.map(({ shape }) => [...shape])).toEqual(outputs.map(({ shape }) => shape));
  const got = ys.flatMap((y) => Array.from(y.toTypedArray()));
  const wanted = outputs.flatMap(({ data }) => data);
  const worst = Math.max(
    ...got.map((v, i) => Math.abs(v - (wanted[i] as number)) / Math.max(1, Math.abs(wanted[i] as number))),
  );
  expect(worst).toBeLessThan(tolerance);
}

describe.each([...cases.keys()])('%s', (name) => {
  it('predicts what TensorFlow.js does, and a copy of it too', () => {
    const row = caseOf(name);
    const model = load(row);
    expect(model.training).toBe(false);
    expectOutputs(run(model, inputsOf(row)), row.outputs);
    expectOutputs(run(model.clone(), inputsOf(row)), row.outputs);
  });

  it('is trained, compiled and not', async () => {
    const row = caseOf(name);
    const losses = async (isCompiled: boolean): Promise<number[]> => {
      const model = load(row);
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
      const step = (...xs: Tensor[]) => {
        optimizer.zeroGrad();
        const loss = run(model, xs).reduce((sum, y) => sum.add(y.square().mean()), tensor(0));
        loss.backward();
        optimizer.step();
        return loss;
      };
      const call = isCompiled ? compile(step) : step;
      const values: number[] = [];
      for (let i = 0; i < 3; i++) values.push(Number(await call(...inputsOf(row))));
      return values;
    };
    const [eager, compiled] = [await losses(false), await losses(true)];
    expect(eager[2]).toBeLessThan(eager[0] as number);
    for (const [i, loss] of compiled.entries()) expect(loss).toBeCloseTo(eager[i] as number, 5);
  });

  it('drops and norms by the batch in training alone', () => {
    const row = caseOf(name);
    const model = load(row).train();
    noGrad(() => run(model, inputsOf(row)));
    const layers = row.json.modelTopology.config.layers.map((layer: Json) => layer.class_name);
    const changes = layers.some((kind: string) => /Dropout|Noise|BatchNorm/.test(kind));
    const ys = run(model, inputsOf(row)).flatMap((y) => Array.from(y.toTypedArray()));
    const same = row.outputs.flatMap(({ data }) => data).every((v, i) => Math.abs(v - (ys[i] as number)) < 1e-3);
    expect(same).toBe(!changes);
  });
});

describe('names', () => {
  it('are those of the layers', () => {
    expect([...load(caseOf('bidirectional')).stateDict().keys()]).toEqual([
      ...['forward', 'backward'].flatMap((way) =>
        ['kernel', 'recurrentKernel', 'bias'].map((name) => `bidirectional_Bidirectional3.${way}.${name}`),
      ),
      'dense_Dense7.weight',
      'dense_Dense7.bias',
    ]);
    const model = load(caseOf('branches'));
    expect(model.inputs).toEqual(['input1', 'input2']);
    expect([...model.stateDict().keys()]).toContain('sequential_8.dense_Dense9.weight');
  });
});

describe('weights of fewer bits', () => {
  const row = () => caseOf('bidirectional');
  const floats = () => new Float32Array(new Uint8Array(bytesOf(row())).buffer);

  it.each(['uint8', 'uint16'])('%s with scale and min', (dtype) => {
    const { json, inputs, outputs } = row();
    const [min, levels] = [-1, dtype === 'uint8' ? 255 : 65535];
    const scale = 2 / levels;
    const codes = Array.from(floats(), (v) => Math.round((v - min) / scale));
    const data = dtype === 'uint8' ? Uint8Array.from(codes) : Uint16Array.from(codes);
    for (const spec of json.weightsManifest[0].weights) spec.quantization = { dtype, scale, min };
    const model = models.fromTfjs(write(json, Buffer.from(data.buffer)));
    const xs = inputs.map((x) => tensor(x.data, { shape: x.shape }));
    expectOutputs(run(model, xs), outputs, dtype === 'uint8' ? 0.02 : 1e-4);
  });

  it('float16, int32 and bool', () => {
    const topology = {
      class_name: 'Sequential',
      config: [{ class_name: 'Dense', config: { name: 'd', units: 2, batch_input_shape: [null, 1] } }],
    };
    const forms: [Json, Json, Buffer][] = [
      [{ quantization: { dtype: 'float16' } }, {}, Buffer.from(Uint16Array.of(0x3e00, 0xbc00).buffer)], // 1.5, -1
      [{ dtype: 'int32' }, {}, Buffer.from(Int32Array.of(7, -3).buffer)],
      [{ dtype: 'bool' }, {}, Buffer.from([1, 0])],
    ];
    const got = forms.map(([fields, , bytes]) => {
      const weights = [
        { name: 'd/kernel', shape: [1, 2], dtype: 'float32', ...fields },
        { name: 'd/bias', shape: [2], dtype: 'float32' },
      ];
      const json = { modelTopology: { model_config: topology }, weightsManifest: [{ paths: shards, weights }] };
      const all = Buffer.concat([bytes, Buffer.from(Float32Array.of(0.25, 0).buffer)]);
      return Array.from(
        models
          .fromTfjs(write(json, all))
          .forward(tensor([[2]]))
          .toTypedArray(),
      );
    });
    expect(got).toEqual([
      [3.25, -2],
      [14.25, -6],
      [2.25, 0],
    ]);
  });
});

describe('a GRU that resets after the product', () => {
  it('is nn.GRU with its gates in another order', () => {
    const gru = new nn.GRU(2, 3, { batchFirst: true });
    // Rows r, z, n of PyTorch's are columns z, r, n of Keras's.
    const columns = (t: Tensor) => {
      const [r, z, n] = t.chunk(3, 0) as [Tensor, Tensor, Tensor];
      const y = cat([z, r, n], 0);
      return Array.from((y.rank === 2 ? y.t() : y).toTypedArray());
    };
    const state = gru.stateDict();
    const get = (name: string) => state.get(name) as Tensor;
    const data = [
      ...columns(get('weight_ih_l0')),
      ...columns(get('weight_hh_l0')),
      ...columns(get('bias_ih_l0')),
      ...columns(get('bias_hh_l0')),
    ];
    const config = { name: 'g', units: 3, reset_after: true, return_sequences: true };
    const weights = [
      { name: 'g/gru_cell/kernel', shape: [2, 9], dtype: 'float32' },
      { name: 'g/gru_cell/recurrent_kernel', shape: [3, 9], dtype: 'float32' },
      { name: 'g/gru_cell/bias', shape: [2, 9], dtype: 'float32' },
    ];
    const json = {
      modelTopology: { class_name: 'Sequential', config: { layers: [{ class_name: 'GRU', config }] } },
      weightsManifest: [{ paths: shards, weights }],
    };
    const model = models.fromTfjs(write(json, Buffer.from(Float32Array.from(data).buffer)));
    const x = tensor(
      Array.from({ length: 16 }, (_, i) => Math.sin(i)),
      { shape: [2, 4, 2] },
    );
    const wanted = gru.forward(x)[0];
    expectOutputs([model.forward(x)], [{ shape: [2, 4, 3], data: Array.from(wanted.toTypedArray()) }]);
  });
});

describe('files that are damaged or of another kind', () => {
  const wrong = (change: (row: Case) => void, name = 'dense') => {
    const row = caseOf(name);
    change(row);
    return () => load(row);
  };
  const group = ({ json }: Case) => json.weightsManifest[0];
  const layers = ({ json }: Case) => json.modelTopology.config.layers;

  it.each<[string, RegExp, (row: Case) => void, string?]>([
    ['a missing shard', /cannot open|ENOENT|no such/i, (row) => group(row).paths.push('other.bin')],
    [
      'a short shard',
      /must have \d+ bytes of weights in .*, got \d+ bytes/,
      (row) => {
        row.weights = bytesOf(row).subarray(4).toString('base64');
      },
    ],
    [
      'another folder',
      /must name files of its own folder, got "\.\.\/x\.bin"/,
      (row) => group(row).paths.push('../x.bin'),
    ],
    ['a shard twice', /each file of weights once/, (row) => group(row).paths.push(shards[0])],
    [
      'a weight twice',
      /each weight once/,
      (row) => {
        group(row).weights[2].name = group(row).weights[0].name;
      },
    ],
    [
      'a weight that is not there',
      /layer "dense_Dense1" \(Dense\) must have a weight kernel/,
      (row) => {
        group(row).weights[0].name = 'x/kernel';
      },
    ],
    [
      'a weight of another shape',
      /must have a weight kernel of shape \[any, 5\], got \[5, 4\]/,
      (row) => {
        group(row).weights[0].shape = [5, 4];
      },
    ],
    [
      'a huge weight',
      /bytes of weights in/,
      (row) => {
        group(row).weights[0].shape = [2 ** 30, 2 ** 20];
      },
    ],
    [
      'an element type',
      /must have a dtype of float32/,
      (row) => {
        group(row).weights[0].dtype = 'string';
      },
    ],
    [
      'unknown layers',
      /got PReLU \(2, the first is "dense_Dense1"\), ConvLSTM2D \(1, the first is "dense_Dense3"\)/,
      (row) => {
        const dense = layers(row).filter((layer: Json) => layer.class_name === 'Dense');
        dense.forEach((layer: Json, i: number) => {
          if (i < 3) layer.class_name = i === 2 ? 'ConvLSTM2D' : 'PReLU';
        });
      },
    ],
    [
      'a graph model',
      /holds a graph model; convert it to ONNX/,
      (row) => {
        row.json.format = 'graph-model';
      },
    ],
    [
      'an activation',
      /as activation, got "bent"/,
      (row) => {
        layers(row)[0].config.activation = 'bent';
      },
    ],
    [
      'channels first',
      /"channels_last" or "channelsLast" as data_format/,
      (row) => {
        layers(row)[0].config.data_format = 'channels_first';
      },
      'images',
    ],
    [
      'a mask',
      /as mask_zero/,
      (row) => {
        layers(row)[0].config.mask_zero = true;
      },
      'words',
    ],
    [
      'a circle',
      /must have an order of its layers/,
      (row) => {
        layers(row)[3].inbound_nodes[0][1] = ['multiply_Multiply1', 0, 0, {}];
      },
      'branches',
    ],
    [
      'an input that is not there',
      /must name calls of its layers/,
      (row) => {
        layers(row)[3].inbound_nodes[0][1] = ['multiply_Multiply1', 7, 0, {}];
      },
      'branches',
    ],
  ])('%s', (_, text, change, name) => {
    const make = wrong(change, name);
    expect(make).toThrow(FileError);
    expect(make).toThrow(text);
    expect(make).toThrow(/^fromTfjs: /);
  });

  it('JSON whose fields are anything else', () => {
    const odd: unknown[] = [null, -1, 2 ** 40, 'x', [], {}, [[[]]], { toString: 1, valueOf: 1 }, true];
    let refused = 0;
    for (const name of ['branches', 'bidirectional', 'images']) {
      const base = caseOf(name);
      load(base);
      const places: [Json, string][] = [];
      const walk = (json: Json, depth: number): void => {
        if (json === null || typeof json !== 'object' || depth > 12) return;
        for (const key of Object.keys(json)) {
          if (/initializer|regularizer|constraint/.test(key)) continue;
          places.push([json, key]);
          walk(json[key], depth + 1);
        }
      };
      walk(base.json, 0);
      for (const [i, [json, key]] of places.entries()) {
        const before = json[key];
        json[key] = odd[i % odd.length];
        writeFileSync(path, JSON.stringify(base.json));
        try {
          models.fromTfjs(path);
        } catch (error) {
          expect(error, `${name} ${key} ${JSON.stringify(json[key])}`).toBeInstanceOf(FileError);
          refused++;
        }
        json[key] = before;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  it('io.load says what reads it', () => {
    load(caseOf('dense'));
    expect(() => io.load(path)).toThrow(/models\.fromTfjs/);
  });
});
