// Checkpoints: what is saved comes back bit for bit, or an error says why, and nothing has changed.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { ArgumentError, FileError, StateError } from '../../lib/errors.js';
import {
  defaultGenerator,
  Generator,
  io,
  manualSeed,
  nn,
  optim,
  rand,
  randint,
  randn,
  tensor,
  zeros,
} from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
const place = (suffix = ''): string => join(folder, `${count++}${suffix}`);

class Run {
  readonly model = nn.sequential(
    new nn.Linear(4, 8),
    new nn.BatchNorm1d(8),
    new nn.ReLU(),
    new nn.Dropout(0.3),
    new nn.Linear(8, 3),
  );
  readonly optimizer: optim.Adam | optim.SGD;
  readonly schedule: optim.lrScheduler.CosineAnnealingLR;
  readonly ema = new optim.EMA(this.model, 0.9);
  readonly plateau: optim.lrScheduler.ReduceLROnPlateau;

  constructor(seed: number, Optimizer: typeof optim.Adam | typeof optim.SGD = optim.Adam) {
    manualSeed(seed);
    this.optimizer = new Optimizer(this.model.parameters(), { lr: 0.01 });
    this.schedule = new optim.lrScheduler.CosineAnnealingLR(this.optimizer, 20);
    this.plateau = new optim.lrScheduler.ReduceLROnPlateau(this.optimizer);
  }

  get state() {
    const { model, optimizer, schedule, ema, plateau } = this;
    return { model, optimizer, schedule, ema, plateau, generator: defaultGenerator() };
  }

  // Batches come from the default generator, too.
  step(): number {
    const loss = nn.functional.crossEntropy(this.model.forward(randn([6, 4])), randint(0, 3, [6]));
    this.optimizer.zeroGrad();
    loss.backward();
    this.optimizer.step();
    this.schedule.step();
    this.ema.updateParameters(this.model);
    return loss.item();
  }

  // Everything as bits.
  get bits() {
    const tensors = (state: Map<string, Tensor>) => [...state].map(([name, t]) => [name, t.toTypedArray()]);
    const { state, param_groups } = this.optimizer.stateDict();
    return [
      tensors(this.model.stateDict()),
      tensors(this.ema.stateDict()),
      Object.entries(state).map(([i, own]) => [i, tensors(new Map(Object.entries(own as Record<string, Tensor>)))]),
      param_groups,
      this.schedule.stateDict(),
      this.plateau.stateDict(),
      defaultGenerator().getState(),
    ];
  }
}

describe('values', () => {
  const values = {
    none: null,
    text: 'å"\\\u2028 \ud83d\ude00',
    flags: [true, false],
    numbers: [0, -0, 0.1, 5e-324, Number.MAX_VALUE, Infinity, -Infinity, NaN],
    deep: { list: [{ a: [[]] }, {}], $tensor: 'a', $: { $number: 1 } },
    map: new Map<string, unknown>([
      ['b', 1],
      ['a', new Map()],
      ['__proto__', 2],
    ]),
    floats: Float32Array.of(1.5, NaN),
    doubles: Float64Array.of(-0, 1 / 3),
    integers: Int32Array.of(-1, 2 ** 31 - 1),
    bytes: Uint8Array.of(0, 255),
    __metadata__: { x: Uint8Array.of(3) },
  };

  it('come back as they were', () => {
    const path = place('.safetensors');
    expect(io.saveCheckpoint(path, { ...values, left: undefined })).toBe(path);
    const back = io.loadCheckpoint(path);
    expect(back).toEqual(values);
    expect(Object.is((back.numbers as number[])[1], -0)).toBe(true);
    expect(Object.keys(back)).toEqual(Object.keys(values));
  });

  it('and so do tensors, of equal names too, which other readers of safetensors see', () => {
    const path = place('.safetensors');
    const a = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'float64' },
    );
    io.saveCheckpoint(path, { 'a.b': a, a: { b: tensor([5], { dtype: 'int32' }), list: [a, zeros([0, 3])] } });
    const back = io.loadCheckpoint<{ 'a.b': Tensor; a: { b: Tensor; list: Tensor[] } }>(path);
    expect(back['a.b'].dtype).toBe('float64');
    expect(back['a.b'].toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(back.a.b.toArray()).toEqual([5]);
    expect(back.a.list[1]?.shape).toEqual([0, 3]);
    expect([...io.load(path).keys()]).toEqual(['a.b', 'a.b#2', 'a.list.0', 'a.list.1']);
  });

  it.each<[string, () => unknown, string]>([
    [
      'a date',
      () => ({ a: { b: [new Date(0)] } }),
      'a.b.0 must be a tensor, a typed array of float32, float64, int32 or uint8, or JSON, got an object of class Date',
    ],
    [
      'a function',
      () => ({ a: () => 1 }),
      'a must be a tensor, a typed array of float32, float64, int32 or uint8, or JSON, got a function a',
    ],
    [
      'a bigint',
      () => ({ a: 1n }),
      'a must be a tensor, a typed array of float32, float64, int32 or uint8, or JSON, got a bigint',
    ],
    [
      'a circle',
      () => {
        const a: unknown[] = [];
        a.push(a);
        return { a };
      },
      'at most 64 levels deep, got an array of 1',
    ],
    ['keys that are none', () => ({ a: new Map([[1, 2]]) }), 'a must be a Map with keys that are strings, got 1'],
    [
      'long values',
      () => ({ a: 'x'.repeat(2 ** 24) }),
      'values must fit 16777216 characters of JSON, got 16777224; keep long lists as typed arrays or tensors',
    ],
    [
      'a model alone',
      () => new nn.Linear(1, 1),
      'state must be an object, got an object of class Linear; pass { model, optimizer, epoch }, say',
    ],
  ])('%s is refused', (_, make, message) => {
    const path = place('.safetensors');
    expect(() => io.saveCheckpoint(path, make() as never)).toThrow(ArgumentError);
    expect(() => io.saveCheckpoint(path, make() as never)).toThrow(message);
    expect(existsSync(path)).toBe(false);
  });
});

describe('training', () => {
  it('goes on bit for bit, in objects that began elsewhere', () => {
    const path = place();
    const whole = new Run(1);
    for (let i = 0; i < 7; i++) whole.step();
    io.saveCheckpoint(path, { ...whole.state, step: 7 }, { keep: 2 });
    const losses = Array.from({ length: 7 }, () => whole.step());
    const { bits } = whole;
    const resumed = new Run(2);
    resumed.step();
    expect(io.loadCheckpoint(path, resumed.state)).toEqual({ step: 7 });
    expect(Array.from({ length: 7 }, () => resumed.step())).toEqual(losses);
    expect(resumed.bits).toEqual(bits);
  });

  it('of another model, optimizer or set of names changes nothing, and the error names what does not fit', () => {
    const path = place('.safetensors');
    const first = new Run(1);
    first.step();
    io.saveCheckpoint(path, first.state);
    const other = new Run(3, optim.SGD);
    other.step();
    const linear = new nn.Linear(4, 8);
    const { bits } = other;
    const cases: [io.CheckpointTargets, string][] = [
      [other.state, `optimizer in ${JSON.stringify(path)} must fit the optimizer given (SGD: unknown option "betas"`],
      [{ generator: defaultGenerator(), ema: other.ema, model: linear }, 'model in'],
      [
        { model: other.model, net: other.model, loader: other.ema },
        'must hold net, loader, got model, optimizer, schedule, ema, plateau, generator; use the names under which they were saved',
      ],
    ];
    for (const [targets, message] of cases) {
      expect(() => io.loadCheckpoint(path, targets)).toThrow(StateError);
      expect(() => io.loadCheckpoint(path, targets)).toThrow(message);
      expect(other.bits).toEqual(bits);
    }
    expect(() => io.loadCheckpoint(path, { model: linear })).toThrow(
      'missing weight, bias; unexpected 0.weight, 0.bias',
    );
    expect(() => io.loadCheckpoint(path, { epoch: 3 } as never)).toThrow(
      'loadCheckpoint: epoch must have stateDict and loadStateDict, or be a Generator, got 3; values are returned',
    );
  });
});

describe('a folder', () => {
  const step = (path: string, i: number, keep = 3) => io.saveCheckpoint(path, { a: rand([100]), i }, { keep });

  it('keeps the newest', () => {
    const path = join(place(), 'inner');
    for (let i = 1; i <= 5; i++) step(path, i);
    expect(readdirSync(path).sort()).toEqual([3, 4, 5].map((i) => `checkpoint-00000${i}.safetensors`));
    step(path, 6, 1);
    expect(readdirSync(path)).toEqual(['checkpoint-000006.safetensors']);
    expect(io.latestCheckpoint(path)).toBe(join(path, 'checkpoint-000006.safetensors'));
    expect(io.loadCheckpoint(path).i).toBe(6);
  });

  it('whose newest files are damaged goes on from the one before, with a warning', () => {
    const path = place();
    const files = [1, 2, 3].map((i) => step(path, i));
    const bytes = readFileSync(files[2] as string);
    bytes[bytes.length - 9] = (bytes.at(-9) as number) ^ 1;
    writeFileSync(files[2] as string, bytes);
    writeFileSync(files[1] as string, readFileSync(files[1] as string).subarray(0, 50));
    const warned: string[] = [];
    expect(io.loadCheckpoint(path, {}, { onDamaged: (e) => warned.push(e.message) }).i).toBe(1);
    expect(warned).toEqual([
      expect.stringMatching(
        /^loadCheckpoint: ".*000003.safetensors" must have the checksum "\d+", got \d+; it is damaged$/,
      ),
      expect.stringMatching(/^loadCheckpoint: ".*000002.safetensors" must hold its header .* it is truncated$/),
    ]);
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    expect(io.latestCheckpoint(path)).toBe(files[0]);
    expect(emit).toHaveBeenCalledTimes(2);
    emit.mockRestore();
    expect(step(path, 4)).toBe(join(path, 'checkpoint-000004.safetensors'));
  });

  it('without an undamaged one is an error, a later version too', () => {
    const path = place();
    step(path, 1);
    const file = join(path, 'checkpoint-000002.safetensors');
    const text = '{}';
    io.save(
      file,
      {},
      { metadata: { 'adjoint.checkpoint': '2', 'adjoint.state': text, 'adjoint.crc32': `${crc32(`2\n${text}`)}` } },
    );
    expect(() => io.loadCheckpoint(path)).toThrow(
      'must have version 1 of the format, got "2"; read it with the release that wrote it, or a later one',
    );
    writeFileSync(file, '');
    rmSync(join(path, 'checkpoint-000001.safetensors'));
    expect(() => io.loadCheckpoint(path, {}, { onDamaged() {} })).toThrow(
      `loadCheckpoint: ${JSON.stringify(path)} must hold an undamaged checkpoint, got none`,
    );
    expect(io.latestCheckpoint(join(path, 'none'))).toBe(null);
    expect(() => io.loadCheckpoint(join(path, 'none'))).toThrow(FileError);
    expect(() => io.saveCheckpoint(file, { a: 1 }, { keep: 2 })).toThrow(/^saveCheckpoint: cannot write .*EEXIST/);
  });
});

describe('damage', () => {
  it('of any kind is noticed', () => {
    const path = place('.safetensors');
    const run = new Run(1);
    run.step();
    io.saveCheckpoint(path, { ...run.state, epoch: 3, history: [{ loss: 0.25 }] });
    const whole = readFileSync(path);
    const target = new Run(2);
    const { bits } = target;
    const refused = (bytes: Uint8Array) => {
      writeFileSync(path, bytes);
      expect(() => io.loadCheckpoint(path, target.state)).toThrow(FileError);
    };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ (1 << bit);
        refused(bytes);
      }),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => refused(whole.subarray(0, length))),
      { numRuns: 100 },
    );
    expect(target.bits).toEqual(bits);
  });

  const nested = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`;
  it.each([
    ['a tensor that is not there', '{"a":{"$tensor":"b"}}', 'must hold the tensor "b" of its state'],
    ['a kind that is unknown', '{"a":{"$code":"1"}}', 'must have values of known kinds, got "$code"'],
    ['two kinds', '{"a":{"$number":"1","b":1}}', 'must have values of known kinds, got "$number"'],
    ['a property of all objects', '{"a":{"$map":3}}', 'must have a list of entries, got 3'],
    ['a pair that is none', '{"a":{"$map":[1]}}', 'must have entries with names, got 1'],
    ['no JSON', '{"a":', 'must have its state in JSON'],
    ['a list', '[]', 'must have an object as its state, got []'],
    ['nesting', nested, 'must have a state of at most 64 levels'],
    ['a long text', `{"a":"${'x'.repeat(2 ** 24)}"}`, 'must have at most 16777216 characters of JSON, got 16777224'],
  ])('with a checksum that fits: %s', (_, text, message) => {
    const path = place('.safetensors');
    io.save(
      path,
      {},
      { metadata: { 'adjoint.checkpoint': '1', 'adjoint.state': text, 'adjoint.crc32': `${crc32(`1\n${text}`)}` } },
    );
    expect(() => io.loadCheckpoint(path)).toThrow(FileError);
    expect(() => io.loadCheckpoint(path)).toThrow(message);
  });

  it('a file of tensors alone is none', () => {
    const path = place('.safetensors');
    io.save(path, { a: zeros([1]) });
    expect(() => io.loadCheckpoint(path)).toThrow(
      `loadCheckpoint: ${JSON.stringify(path)} must be a checkpoint, got a file of tensors alone; read it with io.load`,
    );
  });
});

it('a generator of its own goes on, too', () => {
  const path = place('.safetensors');
  const generator = new Generator(3);
  rand([5], { generator });
  io.saveCheckpoint(path, { generator });
  const due = rand([4], { generator }).toArray();
  const other = new Generator(4);
  io.loadCheckpoint(path, { generator: other });
  expect(rand([4], { generator: other }).toArray()).toEqual(due);
});

it.each<[string, (long: string) => io.CheckpointState]>([
  ['of a state', (long) => ({ [long]: 1 })],
  ['of a weight', (long) => ({ model: { weight: zeros([1, 1]), bias: zeros([1]), [long]: zeros([1]) } })],
])('a name %s that a file made long is cut in the error', (_, stateOf) => {
  const path = place('.safetensors');
  io.saveCheckpoint(path, stateOf('x'.repeat(100_000)));
  const load = () => io.loadCheckpoint(path, { model: new nn.Linear(1, 1) });
  expect(load).toThrow(/ x{200}…/);
  expect(load).toThrow(/^.{1,1000}$/s);
});
