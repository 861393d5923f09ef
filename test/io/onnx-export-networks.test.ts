// Whole networks: each model of `models`, in small, and what is refused or kept.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import * as a from '../../lib/index.js';
import { io, manualSeed, models, nn, randn } from '../../lib/index.js';
import { modelNetworks } from '../fixtures/onnx-networks.mjs';
import { runOnnx } from '../fixtures/onnx-run.mjs';
import { checkExport } from '../support/onnx.js';

beforeAll(() => {
  manualSeed(1);
});

function stateOf(model: nn.Module): string {
  const hash = createHash('sha1');
  for (const [key, t] of model.stateDict()) hash.update(key).update(new Uint8Array(t.toTypedArray().buffer));
  return hash.digest('hex');
}

const networks = modelNetworks(a);

it('each entry of models has a row', () => {
  const others = ['CausalLM', 'ImageClassifier']; // what the others extend or return
  const made = Object.entries(models).filter(
    ([name, entry]) => typeof entry === 'function' && (/^[A-Z]/.test(name) || /\d/.test(name)),
  );
  const names = made.map(([name]) => name).filter((name) => !others.includes(name));
  expect(networks.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  expect(names.length).toBeGreaterThan(20);
});

const few = networks.filter(({ isLarge }) => !isLarge); // the others: npm run test:onnx -- export

it.each(few)('$name computes in ONNX Runtime what it computes here', async ({ make, example }) => {
  const model: nn.Module = make();
  const modes = model.modules().map((layer) => layer.training);
  const before = stateOf(model);
  const bytes = await checkExport(model, [example(7), example(1)], { dynamicBatch: true });
  expect(model.modules().map((layer) => layer.training)).toEqual(modes);
  expect(stateOf(model) === before).toBe(true);
  expect(bytes.length).toBeGreaterThan(0);
});

class Random extends nn.Module {
  forward(x: a.Tensor): a.Tensor {
    return nn.functional.dropout(x, 0.5);
  }
}

class Net extends nn.Module {
  readonly first = new nn.Linear(3, 3);
  readonly last: nn.Module;

  constructor(readonly then: (x: a.Tensor) => a.Tensor) {
    super();
    this.last = new Random();
  }

  forward(x: a.Tensor): a.Tensor {
    return this.then(this.first.forward(x));
  }
}

describe('what cannot be exported is named', () => {
  it.each<[string, (x: a.Tensor) => a.Tensor, RegExp]>([
    [
      'linear algebra',
      (x) => a.linalg.inv(x.reshape(3, 3).add(a.eye(3))),
      /io\.onnx\.export: \(Net\): .*no operator in ONNX/,
    ],
    ['values', (x) => x.mul(x.sum().item()), /item reads or writes values in JavaScript/],
  ])('%s', (_, then, message) => {
    expect(() => io.onnx.export(new Net(then), randn([3, 3]))).toThrow(message);
  });

  it('with the layer that does it', () => {
    class Outer extends nn.Module {
      readonly noise = new Random();
      forward(x: a.Tensor): a.Tensor {
        return this.noise.forward(x);
      }
    }
    expect(() => io.onnx.export(new Outer(), randn([2, 3]))).toThrow(
      /^io\.onnx\.export: noise \(Random\): dropout: .*no operator/,
    );
  });

  it('a network that does something else at another batch size', () => {
    const model = new Net((x) => (x.shape[0] === 2 ? x.mul(2) : x));
    expect(() => io.onnx.export(model, randn([2, 3]), { dynamicBatch: true })).toThrow(/at each batch size/);
  });

  it('wrong arguments', () => {
    const model = new nn.Linear(3, 2);
    expect(() => io.onnx.export({} as never, randn([2, 3]))).toThrow('model must be a module');
    expect(() => io.onnx.export(model, 3)).toThrow('example must hold a tensor');
    expect(() => io.onnx.export(model, randn([2, 3]), { opset: 12 })).toThrow('opset');
    expect(() => io.onnx.export(model, randn([2, 3]), { dynamicBatch: { y: 0 } })).toThrow('must name inputs (input)');
    expect(() => io.onnx.export(model, randn([2, 3]), { inputNames: [] })).toThrow('1 different names');
  });
});

it('a file is written whole, with the names that were asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-onnx-'));
  try {
    const path = join(folder, 'model.onnx');
    const model = new nn.Linear(3, 2);
    io.onnx.export(model, randn([2, 3]), { path, inputNames: ['x'], outputNames: ['logits'] });
    expect(readdirSync(folder)).toEqual(['model.onnx']);
    const x = randn([2, 3]);
    const [[y] = []] = await runOnnx(readFileSync(path), [x]);
    const wanted = model.forward(x).toTypedArray();
    ((y as NonNullable<typeof y>).data as Float32Array).forEach((v, i) => {
      expect(v).toBeCloseTo(wanted[i] as number, 5);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
