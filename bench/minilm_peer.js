// MiniLM in this library or, with `onnxruntime <file>`, as an ONNX model in onnxruntime-node: a peer of minilm.js.
//
// It first prints {"engine": "name version"}. Then each line that it reads is a request, answered by one line:
//   {"ids": [...], "mask": [...], "length": 32, "batch": 32}  takes the tokens of the sentences; {}
//   {"batches": 8}                                             {"seconds", "cpuSeconds", "rssMegabytes"} of the next so many batches
//   {"vectors": 3}                                             {"vectors": of length 1, those of batch 3, in base64}
//   {"path": "x.onnx", "length": 32}                           writes the model; {}
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { io, nn, noGrad, ones, tensor } from 'adjoint';
import { meanOf, readEncoder } from '../examples/minilm/embed.js';
import { peakMegabytes } from '../examples/shared/memory.js';

/** @param {string} name of a package */
const versionOf = (name) => `${name} ${createRequire(import.meta.url)(`${name}/package.json`).version}`;

/** @typedef {{ ids: Int32Array, mask: Int32Array, shape: [number, number] }} Tokens */

class Sentences extends nn.Module {
  /** @param {string} folder */
  constructor(folder) {
    super();
    this.encoder = readEncoder(folder).model.eval();
  }

  /** @param {import('adjoint').Tensor} ids @param {import('adjoint').Tensor} mask */
  forward(ids, mask) {
    return nn.functional.normalize(meanOf(this.encoder, { ids, mask, order: [] }));
  }
}

/** @param {string} folder */
function startAdjoint(folder) {
  const model = new Sentences(folder);
  return {
    engine: versionOf('adjoint'),
    /** @param {Tokens} tokens */
    run({ ids, mask, shape }) {
      return noGrad(() => model.forward(tensor(ids, { shape }), tensor(mask, { shape })).toTypedArray());
    },
    /** @param {string} path @param {number} length */
    save(path, length) {
      const example = ones([1, length], { dtype: 'int32' });
      io.onnx.export(model, [example, example], { path, dynamicBatch: true, inputNames: ['ids', 'mask'] });
    },
  };
}

/** @param {string} path @param {number} threads */
async function startRuntime(path, threads) {
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const session = await InferenceSession.create(path, options);
  const long = (/** @type {Int32Array} */ values, /** @type {number[]} */ shape) =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), shape);
  return {
    engine: versionOf('onnxruntime-node'),
    /** @param {Tokens} tokens */
    async run({ ids, mask, shape }) {
      const results = await session.run({ ids: long(ids, shape), mask: long(mask, shape) });
      return /** @type {Float32Array} */ (results[session.outputNames[0]].data);
    },
    save: undefined,
  };
}

const [kind, place] = process.argv.slice(2);
const say = (/** @type {object} */ answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const model =
  kind === 'adjoint' ? startAdjoint(place) : await startRuntime(place, Number(process.env.ADJOINT_NUM_THREADS));
say({ engine: model.engine });

/** @type {Tokens[]} */
let batches = [];
let next = 0;

/** @param {{ ids: number[], mask: number[], length: number, batch: number }} request */
function take(request) {
  const { length } = request;
  const size = request.batch * length;
  batches = Array.from({ length: Math.ceil(request.ids.length / size) }, (_, k) => {
    const [ids, mask] = [request.ids, request.mask].map((list) =>
      Int32Array.from(list.slice(k * size, (k + 1) * size)),
    );
    return { ids, mask, shape: [ids.length / length, length] };
  });
  return {};
}

/** @param {number} count */
async function measure(count) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  for (let i = 0; i < count; i++) await model.run(batches[next++ % batches.length]);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1e3;
  return { seconds, cpuSeconds: (user + system) / 1e6, rssMegabytes: peakMegabytes() };
}

/** @param {number} k */
async function vectors(k) {
  return { vectors: Buffer.from((await model.run(batches[k])).slice().buffer).toString('base64') };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.ids !== undefined) say(take(request));
  else if (request.batches !== undefined) say(await measure(request.batches));
  else if (request.vectors !== undefined) say(await vectors(request.vectors));
  else {
    model.save?.(request.path, request.length);
    say({});
  }
}
