import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';
import { TensorProto_DataLocation, TensorProto_DataType, TensorProtoSchema } from '../../lib/io/onnx/messages.js';
import { runCase } from '../fixtures/onnx-cases.mjs';
import { runOnnx } from '../fixtures/onnx-run.mjs';
import { readGolden } from '../support/golden.js';
import { floats, graph, longs, modelBytes, node } from '../support/onnx-models.js';

/** A test as test/golden/make_onnx.py writes it. */
interface Case {
  name: string;
  operators: string[];
  outputs: unknown[];
}

const cases = readGolden<Case[]>('onnx_nodes');
const { io, nn, tensor, compile, ones, optim, randn, manualSeed, FileError } = adjoint;

describe("ONNX's own tests of nodes", () => {
  it('are of more than 100 operators', () => {
    expect(new Set(cases.flatMap(({ operators }) => operators)).size).toBeGreaterThan(100);
  });

  for (const test of cases) {
    it(test.name, () => {
      expect(runCase(adjoint, test)).toEqual({ state: 'passed', reason: '' });
    });
  }

  it('fail where an expected number is another', () => {
    const test = structuredClone(cases.find(({ name }) => name === 'test_relu') ?? cases[0]!);
    const output = test.outputs[0] as { data: string };
    const bytes = Buffer.from(output.data, 'base64');
    bytes.writeFloatLE(1234, 0);
    output.data = bytes.toString('base64');
    expect(runCase(adjoint, test)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('instead of 1234'),
    });
  });
});

class Net extends nn.Module {
  conv = new nn.Conv2d(3, 8, 3, { padding: 1, stride: 2 });
  bn = new nn.BatchNorm2d(8);
  fc = new nn.Linear(8, 5);
  forward(x: adjoint.Tensor) {
    const y = this.bn.forward(this.conv.forward(x)).relu();
    return this.fc.forward(y.mean({ dim: [2, 3] }));
  }
}

/** The same network as an exporter writes it, with its weights. */
function exported(net: Net): Uint8Array {
  const weights = [...net.stateDict()].filter(([name]) => !name.includes('num_batches'));
  const nodes = [
    node('Conv', 'x conv.weight conv.bias', 'c', { pads: [1, 1, 1, 1], strides: [2, 2] }),
    node('BatchNormalization', 'c bn.weight bn.bias bn.running_mean bn.running_var', 'b'),
    node('Relu', 'b', 'r'),
    node('GlobalAveragePool', 'r', 'p'),
    node('Shape', 'p', 's'),
    node('Gather', 's zero', 'n'),
    node('Unsqueeze', 'n axes', 'n1'),
    node('Concat', 'n1 rest', 'shape', { axis: 0 }),
    node('Reshape', 'p shape', 'f'),
    node('Gemm', 'f fc.weight fc.bias', 'y', { transB: 1 }),
  ];
  const numbers = [longs('zero', [], [0]), longs('axes', [1], [0]), longs('rest', [1], [-1])];
  const all = [...weights.map(([name, t]) => floats(name, t.shape, t.toTypedArray())), ...numbers];
  return modelBytes(graph('x', 'y', nodes, all));
}

/** The same seed makes the same network. */
function twins() {
  manualSeed(3);
  const net = new Net();
  return {
    net,
    model: io.onnx.load(exported(net)),
    x: randn([4, 3, 8, 8]),
    labels: tensor([0, 1, 2, 3], { dtype: 'int32' }),
  };
}

describe('a network from a file', () => {
  it('has the names of the file: parameters, running statistics as buffers', () => {
    const { net, model } = twins();
    expect(model.namedParameters().map(([name]) => name)).toEqual(net.namedParameters().map(([name]) => name));
    expect(model.namedBuffers().map(([name]) => name)).toEqual(['bn.running_mean', 'bn.running_var']);
    expect(model.training).toBe(false);
    expect(model.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: null }]);
    expect(model.outputs).toEqual(['y']);
    expect(String(model)).toBe('OnnxModule(x → y)');
    expect(model.getParameter('conv.weight').shape).toEqual([8, 3, 3, 3]);
  });

  it.each([true, false])('takes the training step of the network written here (training %s)', (training) => {
    const { net, model, x, labels } = twins();
    net.train(training);
    model.train(training);
    const losses = [net, model].map((m) => nn.functional.crossEntropy(m.forward(x), labels));
    expect(losses[1]!.item()).toBeCloseTo(losses[0]!.item(), 6);
    for (const loss of losses) loss.backward();
    for (const [name, p] of net.namedParameters()) {
      const other = model.getParameter(name).grad!.toTypedArray();
      p.grad!.toTypedArray().forEach((g, i) => {
        expect(Math.abs(g - other[i]!)).toBeLessThan(1e-5);
      });
    }
    for (const [name, b] of model.namedBuffers()) {
      expect(b.toArray()).toEqual(net.getBuffer(name).toArray());
    }
  });

  it('trains compiled as eagerly, with its shapes computed from the batch', async () => {
    const [eager, compiled] = [twins(), twins()];
    const stepOf = ({ model, x, labels }: ReturnType<typeof twins>) => {
      const optimizer = new optim.SGD(model.train().parameters(), 0.1);
      const step = (x: adjoint.Tensor) => {
        optimizer.zeroGrad();
        const loss = nn.functional.crossEntropy(model.forward(x), labels);
        loss.backward();
        optimizer.step();
        return loss;
      };
      return { step, x };
    };
    const [a, b] = [stepOf(eager), stepOf(compiled)];
    const replayed = compile(b.step);
    for (let i = 0; i < 3; i++) expect((await replayed(b.x)).item()).toBe(a.step(a.x).item());
    expect(compiled.model.getParameter('fc.weight').toArray()).toEqual(eager.model.getParameter('fc.weight').toArray());
  });

  it('compiles before it ever ran eagerly, constants that it computes included', async () => {
    const constant = (name: string, value: number) => node('Constant', '', name, { value: floats('', [], [value]) });
    const nodes = [constant('a', 2), constant('b', 3), node('Add', 'a b', 'c'), node('Mul', 'x c', 'y')];
    const model = io.onnx.load(modelBytes(graph('x', 'y', nodes)));
    const step = compile((x: adjoint.Tensor) => model.forward(x));
    for (const factor of [1, 10]) expect((await step(tensor([factor]))).toArray()).toEqual([5 * factor]);
    expect(model.forward(tensor([7])).toArray()).toEqual([35]);
  });

  it('is exported again, with shapes that it computes from the batch', async () => {
    const { net, model, x } = twins();
    const bytes = io.onnx.export(model, x, { dynamicBatch: true });
    net.eval();
    for (const images of [randn([1, 3, 8, 8]), randn([7, 3, 8, 8])]) {
      const expected = net.forward(images);
      const theirs = (await runOnnx(bytes, [images]))[0]![0]!;
      expect(theirs.dims).toEqual(expected.shape);
      for (const values of [theirs.data as Float32Array, io.onnx.load(bytes).forward(images).toTypedArray()]) {
        expected.toTypedArray().forEach((v, i) => {
          expect(values[i]).toBeCloseTo(v, 5);
        });
      }
    }
  });

  it('ends at values inside of it, without what they do not need', () => {
    const { net, x } = twins();
    const bytes = exported(net);
    const features = io.onnx.load(bytes, { outputs: ['f'] });
    expect(features.outputs).toEqual(['f']);
    expect(features.namedParameters().map(([name]) => name)).toEqual([
      ...['conv.weight', 'conv.bias', 'bn.weight', 'bn.bias'],
    ]);
    net.eval();
    const scores = net.fc.forward(features.forward(x));
    const whole = net.forward(x).toTypedArray();
    scores.toTypedArray().forEach((v, i) => {
      expect(v).toBeCloseTo(whole[i]!, 5);
    });
    const two = io.onnx.load(bytes, { outputs: ['y', 'b'] }).forward(x);
    expect([two.y!.shape, two.b!.shape]).toEqual([
      [4, 5],
      [4, 8, 4, 4],
    ]);
  });

  it('ends before operators that are not known, and keeps what graphs inside of it read', () => {
    const branch = (name: string) => graph('', name, [node('Mul', 'h w', name)]);
    const nodes = [
      ...[node('Relu', 'x', 'h'), node('Shape', 'x', 's'), node('Size', 's', 'rank'), node('Equal', 'rank one', 'is')],
      node('If', 'is', 'y', { then_branch: branch('t'), else_branch: branch('e') }),
      node('Magic', 'y z', 'boxes'),
    ];
    const weights = [floats('w', [1], [3]), floats('z', [1], [0]), longs('one', [], [1])];
    const model = io.onnx.load(modelBytes(graph('x other', 'boxes', nodes, weights)), { outputs: ['y'] });
    expect(model.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(model.namedParameters().map(([name]) => name)).toEqual(['w']);
    expect(model.forward(tensor([-1, 2])).toArray()).toEqual([0, 6]);
  });

  it.each([
    [[], 'got none'],
    ['f', 'got "f"'],
    [['z'], 'got "z"; its last are "r", "p", "s", "n", "n1", "shape", "f", "y"'],
    [['f', 'f'], 'got "f"'],
    [['x'], 'got "x"'],
    [[1], 'got 1'],
  ])('has no outputs %j', (outputs, message) => {
    const { net } = twins();
    const load = () => io.onnx.load(exported(net), { outputs: outputs as string[] });
    expect(load).toThrow(adjoint.ArgumentError);
    expect(load).toThrow('onnx.load: outputs must be names of values that the graph computes, each once, got');
    expect(load).toThrow(message);
  });

  it('has the weights that an exporter wrote as Constant nodes', () => {
    const values = floats('', [2, 2], [1, 2, 3, 4]);
    const nodes = [node('Constant', '', 'w', { value: values }), node('MatMul', 'x w', 'y')];
    const model = io.onnx.load(modelBytes(graph('x', 'y', nodes)));
    expect(model.namedParameters().map(([name]) => name)).toEqual(['w']);
    model
      .forward(tensor([[1, 10]]))
      .sum()
      .backward();
    expect(model.getParameter('w').grad?.toArray()).toEqual([
      [1, 1],
      [10, 10],
    ]);
    const both = io.onnx.load(modelBytes(graph('x', 'y', nodes, [floats('v', [2], [0, 0])])));
    expect(both.namedParameters().map(([name]) => name)).toEqual(['v']);
  });

  it('can be frozen, saved and given another state', () => {
    const { net, model, x } = twins();
    const before = model.forward(x).toArray();
    model.getParameter('conv.weight').requiresGrad = false;
    model.forward(x).sum().backward();
    expect(model.getParameter('conv.weight').grad).toBe(null);
    const other = new Net().eval();
    model.loadStateDict(other.stateDict(), { strict: false });
    const outputs = model.forward(x).toTypedArray();
    other
      .forward(x)
      .toTypedArray()
      .forEach((v, i) => {
        expect(outputs[i]).toBeCloseTo(v, 5);
      });
    model.loadStateDict(net.stateDict(), { strict: false });
    expect(model.forward(x).toArray()).toEqual(before);
  });

  it('takes inputs by name and gives several outputs by name', () => {
    const nodes = [node('Add', 'a b', 'sum'), node('Sub', 'a b', 'difference')];
    const model = io.onnx.load(modelBytes(graph('a b', 'sum difference', nodes)));
    const { sum, difference } = model.forward({ b: ones([2]), a: tensor([3, 4]) });
    expect([sum, difference].map((t) => (t as adjoint.Tensor).toArray())).toEqual([
      [4, 5],
      [2, 3],
    ]);
    expect(() => model.forward({ c: ones([2]) })).toThrow('OnnxModule: inputs must be a, b, got "c"');
    expect(() => model.forward(ones([1]))).toThrow('OnnxModule: input "b" must be a tensor, got undefined');
    expect(() => model.forward(ones([1]), ones([1]), ones([1]))).toThrow('inputs must be a, b, got 3 of them');
    const integers = tensor([1], { dtype: 'int32' });
    expect(() => model.forward(integers, integers)).toThrow('input "a" must be float32, got int32');
    const images = io.onnx.load(modelBytes(graph('x:float:4', 'y', [node('Relu', 'x', 'y')])));
    expect(() => images.forward(ones([2]))).toThrow('OnnxModule: input "x" must be [any, any, any, any], got [2]');
  });

  it('names the node of an error', () => {
    const model = io.onnx.load(modelBytes(graph('a b', 'c', [node('MatMul', 'a b', 'c')])));
    expect(() => model.forward(ones([2, 3]), ones([2, 3]))).toThrow(
      'node "MatMul_c" (MatMul): matmul: inner dimensions',
    );
  });
});

describe('graphs in graphs', () => {
  const constant = (name: string, value: number) => node('Constant', '', name, { value: floats('', [1], [value]) });
  const branches = {
    then_branch: graph('', 'two', [constant('k', 2), node('Mul', 'x k', 'two')]),
    else_branch: graph('', 'three', [constant('k3', 3), node('Mul', 'x k3', 'three')]),
  };

  it('If takes the branch of its condition, which in a compiled step must not be data', async () => {
    const nodes = [
      ...[node('Shape', 'x', 's'), node('Size', 's', 'rank'), node('Equal', 'rank one', 'isVector')],
      node('If', 'isVector', 'y', branches),
    ];
    const model = io.onnx.load(modelBytes(graph('x', 'y', nodes, [longs('one', [], [1])])));
    expect(model.forward(tensor([1, 2])).toArray()).toEqual([2, 4]);
    expect(model.forward(tensor([[1, 2]])).toArray()).toEqual([[3, 6]]);
    const step = compile((x: adjoint.Tensor) => model.forward(x));
    expect((await step(tensor([[1, 2]]))).toArray()).toEqual([[3, 6]]);
    const byData = io.onnx.load(modelBytes(graph('x c:bool', 'y', [node('If', 'c', 'y', branches)])));
    const condition = tensor([1], { dtype: 'uint8' });
    expect(byData.forward(tensor([1]), condition).toArray()).toEqual([2]);
    const refused = compile((x: adjoint.Tensor, c: adjoint.Tensor) => byData.forward(x, c));
    await expect(async () => refused(tensor([1]), condition)).rejects.toThrow(
      'node "If_y" (If): decides by the values of data',
    );
  });

  it('Loop runs as often as it is told, and its gradient flows', () => {
    const body = graph('i:int64 go:bool h', 'go2 h2', [node('Identity', 'go', 'go2'), node('Mul', 'h w', 'h2')]);
    const nodes = [node('Loop', 'count - x', 'y', { body })];
    const model = io.onnx.load(modelBytes(graph('x', 'y', nodes, [longs('count', [], [3]), floats('w', [1], [2])])));
    const y = model.forward(tensor([5]));
    expect(y.toArray()).toEqual([40]);
    y.sum().backward();
    expect(model.getParameter('w').grad?.toArray()).toEqual([60]);
  });

  it('loops end, those in loops included', () => {
    const same = [node('Identity', 'go', 'go2'), node('Identity', 'h', 'h2')];
    const inner = graph('j:int64 go:bool h', 'go2 h2', same);
    const outer = graph('i:int64 on:bool g', 'on2 g2', [
      node('Identity', 'on', 'on2'),
      node('Loop', 'count - g', 'g2', { body: inner }),
    ]);
    const modelOf = (count: number) =>
      io.onnx.load(
        modelBytes(graph('x', 'y', [node('Loop', 'count - x', 'y', { body: outer })], [longs('count', [], [count])])),
      );
    expect(() => modelOf(2 ** 31 - 1).forward(ones([1]))).toThrow(
      'must have at most 100000 passes, those of loops in it',
    );
    expect(
      modelOf(10)
        .forward(ones([1]))
        .toArray(),
    ).toEqual([1]);
  });
});

describe('a file that is wrong', () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnx-load-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('lists operators that are not known, how often they occur and where', () => {
    const nodes = [node('Relu', 'x', 'a'), node('Magic', 'a', 'b'), node('Magic', 'b', 'c'), node('Wand', 'c', 'd')];
    expect(() => io.onnx.load(modelBytes(graph('x', 'd', nodes)))).toThrow(
      new FileError(
        'onnx.load: bytes has operators that are not known here: Magic (2 times, first in node "Magic_b" (Magic)), Wand (1 time, first in node "Wand_d" (Wand))',
      ),
    );
  });

  it.each([
    [
      'is of an old operator set',
      () => modelBytes(graph('x', 'y', [node('Relu', 'x', 'y')]), 6),
      'operator set 7 or newer, got 6',
    ],
    [
      'uses what nobody computes',
      () => modelBytes(graph('x', 'y', [node('Relu', 'z', 'y')])),
      'got "z" in node "Relu_y"',
    ],
    [
      'has an output that nobody computes',
      () => modelBytes(graph('x', 'z', [node('Relu', 'x', 'y')])),
      'its output "z"',
    ],
    [
      'has a node of more inputs than a call takes',
      () => modelBytes(graph('x', 'y', [node('Concat', Array(10_001).fill('x').join(' '), 'y', { axis: 0 })])),
      'at most 10000 inputs and outputs a node, got 10001 in node "Concat_y"',
    ],
    ['computes a value twice', () => modelBytes(graph('x', 'x', [node('Relu', 'x', 'x')])), 'each value once, got "x"'],
    [
      'has too few bytes',
      () => modelBytes(graph('', 'w', [], [floats('w', [3], [1])])),
      'must have 12 bytes for [3], got 4',
    ],
    [
      'has too few numbers',
      () => modelBytes(graph('', 'w', [], [longs('w', [3], [1])])),
      'must have 3 elements, got 1',
    ],
    [
      'has an integer beyond int32',
      () => modelBytes(graph('', 'w', [], [longs('w', [1], [2 ** 40])])),
      'must fit in int32',
    ],
    ['claims 2^60 elements', () => modelBytes(graph('', 'w', [], [floats('w', [2 ** 30, 2 ** 30], [1])])), 'got 4'],
    [
      'is of weights elsewhere',
      () => modelBytes(graph('', 'w', [], [outside('w', 'w.bin')])),
      'load the model by its path',
    ],
    ['is empty', () => new Uint8Array(), 'must have a graph, got none'],
    ['is a text', () => Buffer.from('not a model, whatever its name says'), 'must be an ONNX model, got bytes'],
    ['is deep', () => deep(5000), 'nested more than 64 deep'],
    [
      'is made of empty messages',
      () => Buffer.concat([Buffer.from([0x3a, 0xfe, 0xff, 0xff, 0x01]), empties(4_194_302)]),
      'more than',
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => io.onnx.load(bytes())).toThrow(FileError);
    expect(() => io.onnx.load(bytes())).toThrow(message);
  });

  it('must not read weights outside of its folder', () => {
    mkdirSync(join(folder, 'inside'));
    const weights = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    writeFileSync(join(folder, 'secret'), weights);
    writeFileSync(join(folder, 'inside', 'w.bin'), weights);
    symlinkSync(join(folder, 'secret'), join(folder, 'inside', 'link'));
    const path = join(folder, 'inside', 'model.onnx');
    const load = (location: string, extra: [string, string][] = []) => {
      writeFileSync(path, modelBytes(graph('', 'w', [], [outside('w', location, extra)])));
      return io.onnx.load(path);
    };
    expect(load('w.bin').getParameter('w').toArray()).toEqual([1, 2]);
    expect(
      load('w.bin', [
        ['offset', '8'],
        ['length', '8'],
      ])
        .getParameter('w')
        .toArray(),
    ).toEqual([3, 4]);
    for (const location of ['../secret', join(folder, 'secret'), 'link', '', 'x'.repeat(60_000)]) {
      expect(() => load(location)).toThrow(/must be in the folder of the model, got .{2,200}$/);
    }
    expect(() => load('none')).toThrow(FileError);
    expect(() => load('w.bin', [['offset', '12']])).toThrow('which has 16 bytes, got 12 to 20');
    expect(() => load('w.bin', [['offset', 'x']])).toThrow('must have a whole offset, got x');
  });

  it('or no file', () => {
    expect(() => io.onnx.load(join(folder, 'none.onnx'))).toThrow(FileError);
    expect(() => io.onnx.load(5 as never)).toThrow('onnx.load: model must be a path or a Uint8Array, got 5');
  });

  it('is an error or a model, whatever byte is damaged', () => {
    const { net } = twins();
    const whole = exported(net);
    for (let i = 0; i < 400; i++) {
      const bytes = Buffer.from(whole);
      bytes[(i * 7919) % bytes.length] = (i * 31) & 255;
      try {
        io.onnx.load(i % 2 ? bytes : bytes.subarray(0, (i * 104_729) % bytes.length));
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
      }
    }
  });
});

function outside(name: string, location: string, extra: [string, string][] = []) {
  const externalData = [['location', location], ...extra].map(([key, value]) => ({ key: key!, value: value! }));
  const dataLocation = TensorProto_DataLocation.EXTERNAL;
  return create(TensorProtoSchema, {
    name,
    dims: [2n],
    dataType: TensorProto_DataType.FLOAT,
    externalData,
    dataLocation,
  });
}

/** Types in types: sequences of sequences. */
function deep(levels: number): Uint8Array {
  let bytes = Buffer.alloc(0);
  const field = (tag: number) => {
    const length: number[] = [];
    for (let n = bytes.length; ; n >>>= 7) {
      length.push(n > 127 ? (n & 127) | 128 : n);
      if (n <= 127) break;
    }
    bytes = Buffer.concat([Buffer.from([tag, ...length]), bytes]);
  };
  for (let i = 0; i < levels; i++) field(i % 2 ? 0x22 : 0x0a); // type.sequence_type, sequence.elem_type
  for (const tag of [0x12, 0x5a, 0x3a]) field(tag); // graph.input.type
  return bytes;
}

/** Nodes of a graph that have nothing. */
function empties(length: number): Buffer {
  return Buffer.alloc(length, Buffer.from([0x0a, 0x00]));
}
