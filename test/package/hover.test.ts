// What an editor shows of a tensor's methods: TypeScript's language server is asked as editors ask it.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const uri = pathToFileURL(`${root}/test/package/hovered.ts`).href; // no file: the server gets its text
const calls = {
  ...{ softmax: 'softmax(1)', mul_: 'mul_(2)', sum: 'sum(1)', at: 'at(0)', T: 'T', unfold: 'unfold(0, 1, 1)' },
  ...{
    max: 'max()',
    min: 'min(1)',
    median: 'median(0)',
    nanmedian: 'nanmedian()',
    nonzero: 'nonzero({ asTuple: true })',
  },
  ...{ unique: 'unique({ dim: 0 })', uniqueConsecutive: 'uniqueConsecutive()', where: 'where(x, 1)' },
};
const text = [
  "import { type Tensor } from '../../dist/index.js';",
  'declare const x: Tensor;',
  ...Object.values(calls).map((call) => `x.${call};`),
  'x.',
].join('\n');

let server: ChildProcessWithoutNullStreams;
let last = 0;
const waiting = new Map<number, (result: unknown) => void>();

function send(message: object): void {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function ask<T>(method: string, params: object): Promise<T> {
  return new Promise((resolve) => {
    waiting.set(++last, resolve as (result: unknown) => void);
    send({ id: last, method, params });
  });
}

interface Message {
  id?: number;
  method?: string;
  params?: { items?: unknown[] };
  result?: unknown;
}

function received({ id, method, params, result }: Message): void {
  if (id === undefined) return;
  if (method !== undefined) send({ id, result: params?.items?.map(() => null) ?? null });
  else waiting.get(id)?.(result);
}

beforeAll(async () => {
  server = spawn(process.execPath, [`${root}/node_modules/typescript/bin/tsc`, '--lsp', '--stdio']);
  let buffer = Buffer.alloc(0);
  server.stdout.on('data', (part: Buffer) => {
    buffer = Buffer.concat([buffer, part]);
    for (;;) {
      const head = buffer.indexOf('\r\n\r\n');
      if (head < 0) return;
      const end = head + 4 + Number(/Content-Length: (\d+)/i.exec(buffer.toString('utf8', 0, head))?.[1]);
      if (buffer.length < end) return;
      received(JSON.parse(buffer.toString('utf8', head + 4, end)) as Message);
      buffer = buffer.subarray(end);
    }
  });
  await ask('initialize', { processId: process.pid, rootUri: pathToFileURL(root).href, capabilities: {} });
  send({ method: 'initialized', params: {} });
  send({
    method: 'textDocument/didOpen',
    params: { textDocument: { uri, languageId: 'typescript', version: 1, text } },
  });
}, 60_000);
afterAll(() => {
  server.kill();
});

it.each([
  ['softmax', 'Softmax: yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)'],
  ['mul_', 'In place: x takes the values of `mul`'],
  ['mul_', 'a · b, elementwise, broadcast'],
  ['sum', 'Sum of the elements'],
  ['at', 'a number from the end where i is negative'],
  ['T', 'The dimensions in reverse order'],
  ['max', 'The largest element; NaN if there is one'],
  ['min', 'The smallest element; NaN if there is one'],
  ['median', 'of an even number of elements the lower one'],
  ['nanmedian', 'The median of the elements that are not NaN'],
  ['nonzero', 'The positions of the elements that are not 0'],
  ['unique', 'The different elements in ascending order'],
  ['uniqueConsecutive', 'without those that equal the one before them'],
  ['where', 'where(condition, this, other)'],
])('x.%s shows its documentation', { timeout: 60_000 }, async (name, words) => {
  const line = 2 + Object.keys(calls).indexOf(name);
  const hover = await ask<{ contents: unknown }>('textDocument/hover', {
    textDocument: { uri },
    position: { line, character: 2 },
  });
  expect(JSON.stringify(hover.contents)).toContain(words);
});

it('completion lists no internals', { timeout: 60_000 }, async () => {
  const position = { line: 2 + Object.keys(calls).length, character: 2 };
  const found = await ask<{ items: { label: string }[] }>('textDocument/completion', {
    textDocument: { uri },
    position,
  });
  const labels = found.items.map((item) => item.label);
  expect(labels).toEqual(expect.arrayContaining(['softmax', 'mul_', 'at', 'shape', 'item']));
  expect(labels.filter((label) => label.startsWith('_') || label === 'handle' || label === 'dims')).toEqual([]);
});
