// TensorBoard's files: equal to those that TensorBoard's own reader took (test/golden/make_tensorboard.py), and read by one of our own.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  data,
  FileError,
  manualSeed,
  metrics,
  nn,
  ones,
  optim,
  randn,
  StateError,
  tensor,
  train,
} from '../../lib/index.js';
import { writeRun } from '../fixtures/tensorboard-run.mjs';
import { readGolden } from '../support/golden.js';
import { crc32c, type Entry, entriesOf, fieldsOf, recordsOf } from '../support/tensorboard.js';

interface Run {
  scalars: Record<string, [time: number, step: number, value: number | 'NaN'][]>;
  histograms: Record<string, [step: number, parts: [number, number, number, number, number, number[], number[]]][]>;
  images: Record<string, [step: number, width: number, height: number][]>;
  texts: Record<string, [step: number, texts: string[]][]>;
  records: number;
}

const golden = readGolden<{ files: Record<string, string>; runs: Record<string, Run> }>('tensorboard');
const folder = mkdtempSync(join(tmpdir(), 'adjoint-tensorboard-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The files of a folder under the names that the golden ones have: `first/events`, and of a second one `first/events1`. */
function filesOf(place: string): Map<string, Buffer> {
  const names = readdirSync(place, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  const files = new Map<string, Buffer>();
  for (const name of names.sort().filter((name) => statSync(join(place, name)).isFile())) {
    const short = name.replace(/^(?!.*\/)/, './').replace(/events\.out\.tfevents\.\d{10}\..+\.\d+\.\d+$/, 'events');
    const isOther = !short.endsWith('events');
    const key = isOther ? name : files.has(short) ? `${short}1` : short;
    files.set(key, readFileSync(join(place, name)));
  }
  return files;
}

/** With pixels in place of compressed ones, whose bytes depend on the release of zlib. */
function uncompressed(bytes: Buffer): string {
  const start = bytes.indexOf('IDAT');
  if (start < 0) return bytes.toString('hex');
  const length = bytes.readUInt32BE(start - 4);
  return inflateSync(bytes.subarray(start + 4, start + 4 + length)).toString('hex');
}

const written = new Map<string, Buffer>();
beforeAll(() => {
  writeRun(join(folder, 'run'));
  for (const [name, bytes] of filesOf(join(folder, 'run'))) written.set(name, bytes);
});

const events = (name: string): Buffer => written.get(name) as Buffer;
const entry = (name: string, tag: string): Entry => entriesOf(events(name)).find((e) => e.tag === tag) as Entry;

describe('the files', () => {
  it('are those that TensorBoard reads', () => {
    expect([...written.keys()].sort()).toEqual(Object.keys(golden.files).sort());
    for (const [name, base64] of Object.entries(golden.files)) {
      const want = Buffer.from(base64, 'base64');
      const parts = (bytes: Buffer) => (/events1?$/.test(name) ? recordsOf(bytes) : [bytes]).map(uncompressed);
      expect(parts(events(name)), name).toEqual(parts(want));
    }
  });

  it('hold the numbers that TensorBoard reads, for a reader of our own', () => {
    for (const [place, run] of Object.entries(golden.runs)) {
      const files = [`${place}/events`, `${place}/events1`].flatMap((name) => written.get(name) ?? []);
      expect(files.flatMap(recordsOf)).toHaveLength(run.records);
      const scalars: Run['scalars'] = {};
      for (const { tag, time, step, fields } of files.flatMap(entriesOf)) {
        if (place === 'resumed' && time < 1_700_000_009 && step >= 3) continue; // void
        if (fields[2] === undefined) continue;
        const value = (fields[2][0] as Buffer).readFloatLE();
        scalars[tag] = [...(scalars[tag] ?? []), [time, step, Number.isNaN(value) ? 'NaN' : value]];
      }
      expect(scalars).toEqual(run.scalars);
    }
  });

  it('have histograms, images and texts as TensorBoard reads them', () => {
    const run = golden.runs['.'] as Run;
    const doubles = (bytes: unknown) =>
      Array.from({ length: (bytes as Buffer).length / 8 }, (_, i) => (bytes as Buffer).readDoubleLE(8 * i));
    for (const [tag, [want]] of Object.entries(run.histograms)) {
      const { step, fields } = entry('./events', tag);
      const parts = fieldsOf(fields[5]?.[0] as Buffer);
      const single = [1, 2, 3, 4, 5].map((field) => doubles(parts[field]?.[0])[0]);
      expect([step, [...single, doubles(parts[6]?.[0]), doubles(parts[7]?.[0])]]).toEqual(want);
    }
    for (const [tag, [want]] of Object.entries(run.images)) {
      const { step, fields } = entry('./events', tag);
      const parts = fieldsOf(fields[4]?.[0] as Buffer);
      expect([step, Number(parts[2]?.[0]), Number(parts[1]?.[0])]).toEqual(want);
    }
    const grey = fieldsOf(entry('./events', 'grey').fields[4]?.[0] as Buffer)[4]?.[0] as Buffer;
    expect(uncompressed(grey)).toBe('0000326400' + '96c8ff'); // two rows, each after its filter
    for (const [tag, [want]] of Object.entries(run.texts)) {
      const { step, fields } = entry('./events', tag);
      expect([step, [String(fieldsOf(fields[8]?.[0] as Buffer)[8]?.[0])]]).toEqual(want);
    }
  });

  it('a changed byte is noticed, and the checksum is that of its description', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283); // RFC 3720, B.4 and others
    const bytes = Buffer.from(events('first/events'));
    bytes[bytes.length - 10] = (bytes[bytes.length - 10] as number) ^ 1;
    expect(() => recordsOf(bytes)).toThrow('wrong checksum of data');
  });
});

describe('TensorBoardLog', () => {
  const run = async (dir: string, epochs: number, options?: train.TensorBoardLogOptions) => {
    manualSeed(3);
    const model = nn.sequential(new nn.Linear(2, 1));
    const set = new data.TensorDataset(randn([8, 2]), randn([8, 1]));
    const loader = new data.DataLoader(set, { batchSize: 4 });
    const log = new train.TensorBoardLog(dir, options);
    const seen: train.StepEvent[] = [];
    const result = await train.fit(model, {
      data: loader,
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), 0.1),
      epochs,
      validate: loader,
      metrics: { r2: new metrics.R2() },
      logEvery: 1,
      callbacks: [
        log,
        { onStep: (event: train.StepEvent) => void seen.push(event) },
        { onEpoch: () => void log.board?.addText('mine', 'x') },
      ],
    });
    const entries = readdirSync(dir).flatMap((name) => entriesOf(readFileSync(join(dir, name))));
    const curve = (tag: string) =>
      entries.filter((e) => e.tag === tag).map((e) => [e.step, ((e.fields[2] as Buffer[])[0] as Buffer).readFloatLE()]);
    return { result, seen, entries, curve, log };
  };
  const float = (v: number | undefined) => Math.fround(v as number);

  it('writes each value at its step, and what is added by hand', async () => {
    const { result, seen, entries, curve, log } = await run(join(folder, 'fit'), 2, { histograms: true });
    expect(curve('train/loss')).toEqual(seen.map(({ step, values }) => [step, float(values.loss)]));
    expect(seen).toHaveLength(4);
    for (const name of ['loss', 'r2']) {
      const want = result.history.map(({ step, values }) => [step, float(values[`validation.${name}`])]);
      expect(curve(`validation/${name}`)).toEqual(want);
    }
    expect(entries.filter(({ tag }) => tag === '0/weight').map(({ step }) => step)).toEqual([2, 4]);
    expect(entries.filter(({ tag }) => tag.startsWith('mine'))).toHaveLength(2);
    expect(log.board).toBe(null);
  });

  it('writes the values of epochs alone', async () => {
    const { result, curve } = await run(join(folder, 'epochs'), 3, { every: 'epoch' });
    expect(curve('train/loss')).toEqual(result.history.map(({ step, values }) => [step, float(values.loss)]));
    expect(curve('validation/loss')).toHaveLength(3);
  });
});

describe('a writer', () => {
  const board = new train.TensorBoard(join(folder, 'other'));
  const size = () => statSync(board.path).size;

  it('writes each entry at once', () => {
    const before = size();
    board.addScalar('a', 1, 3);
    expect(size()).toBeGreaterThan(before);
    expect(entriesOf(readFileSync(board.path)).map(({ tag, step }) => [tag, step])).toEqual([['a', 3]]);
    const { time } = entriesOf(readFileSync(board.path))[0] as Entry;
    expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60);
  });

  it.each([undefined, 1, 7, 30])('counts values in %s bins', (bins) => {
    const values = randn([500]).mul(3);
    board.addHistogram('h', values, 0, { bins });
    const { fields } = entriesOf(readFileSync(board.path)).at(-1) as Entry;
    const parts = fieldsOf(fields[5]?.[0] as Buffer);
    const [limits, counts] = [6, 7].map(
      (field) => new Float64Array(Uint8Array.from(parts[field]?.[0] as Buffer).buffer),
    );
    const list = [...values.toTypedArray()];
    const last = limits!.length - 1;
    const naive = [...limits!].map((high, i) => {
      const low = i === 0 ? Number.NEGATIVE_INFINITY : (limits![i - 1] as number);
      return list.filter((v) => v >= low && (v < high || (i === last && v === high))).length;
    });
    expect([...counts!]).toEqual(naive);
    expect(counts!.reduce((sum, n) => sum + n)).toBe(500);
  });

  it('has the graph of a model with shapes, groups and no change of the model', () => {
    const model = nn.sequential(new nn.BatchNorm1d(3), new nn.Dropout(0.5), new nn.Linear(3, 2));
    const before = JSON.stringify([...model.stateDict()]);
    board.addGraph(model, ones([4, 3]));
    expect(JSON.stringify([...model.stateDict()])).toBe(before);
    expect(model.training).toBe(true);
    const graph = fieldsOf(fieldsOf(recordsOf(readFileSync(board.path)).at(-1) as Buffer)[4]?.[0] as Buffer);
    const nodes = (graph[1] as Buffer[]).map(fieldsOf);
    const names = nodes.map((node) => String(node[1]?.[0]));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['input', '0/weight', '2/weight', '2/bias', '2/linear']));
    for (const node of nodes) for (const input of node[3] ?? []) expect(names).toContain(String(input));
  });

  it('is as before after a call that fails', () => {
    const before = [size(), readdirSync(join(folder, 'other'))];
    const wrong: [() => void, string][] = [
      [() => board.addScalar('', 1), 'TensorBoard.addScalar: tag must not be empty'],
      [() => board.addScalar('a', 1, -1), 'TensorBoard.addScalar: step must be an integer of at least 0, got -1'],
      [() => board.addScalar('a', ones([2])), 'TensorBoard.addScalar: a value must have one element, got 2'],
      [
        () => board.addScalars('a', { b: 1, c: 'x' as never }),
        'a value must be a number or a tensor of one element, got "x"',
      ],
      [() => board.addHistogram('a', [1, Number.NaN]), 'values[1] must be a finite number, got NaN'],
      [() => board.addHistogram('a', []), 'TensorBoard.addHistogram: values must be at least one number, got none'],
      [() => board.addImage('a', ones([2, 4, 4])), 'image must be [C, H, W] with 1 or 3 channels, got [2, 4, 4]'],
      [
        () => board.addHparams({ a: null as never }, {}),
        'TensorBoard.addHparams: a must be a number, a text or a boolean, got null',
      ],
      [() => board.addHparams({}, {}, { runName: '..' }), 'the name of a run must be one of a folder, got ".."'],
      [
        () => board.addEmbedding(ones([2, 2]), { metadata: ['a'] }),
        'metadata must have 2 labels, one for each row, got 1',
      ],
      [() => board.addEmbedding(ones([2, 2]), { tag: '..' }), 'tag must be the name of a folder, got ".."'],
      [
        () => board.addEmbedding(ones([2, 2]), { labelImg: ones([2, 3, 3]) }),
        'labelImg must be [2, channels, height, width]',
      ],
      [
        () => board.addGraph(ones([1]).item() as never),
        'TensorBoard.addGraph: model must be a module or a tensor, got 1',
      ],
    ];
    for (const [call, message] of wrong) expect(call).toThrow(message);
    expect([size(), readdirSync(join(folder, 'other'))]).toEqual(before);
  });

  it('names what it cannot write', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => new train.TensorBoard(join(folder, 'file'))).toThrow(FileError);
    expect(() => new train.TensorBoard(join(folder, 'file', 'deeper'))).toThrow(/^TensorBoard: cannot write ".*deeper/);
  });

  it('ends with close', () => {
    board.addScalars('pair', { x: tensor(1) });
    board.flush();
    board.close();
    board.close();
    expect(() => board.addScalar('a', 1)).toThrow(StateError);
    expect(() => board.addScalars('pair', { x: 1 })).toThrow(StateError);
    expect(() => board.addEmbedding(ones([1, 1]))).toThrow(StateError);
  });
});
