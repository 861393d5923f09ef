// The real command line, in processes of its own.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipWithoutSignals } from '../support/signals.js';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'adjoint-cli-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd: folder }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** Which side of a line a point is on; a shop may move the line. */
function csv(count: number, begin = 0): string {
  const lines = Array.from({ length: count }, (_, k) => {
    const i = k + begin;
    const [x, y, shop] = [Math.sin(i), Math.cos(1.7 * i), i % 3 === 0 ? 'north, old' : 'south'];
    const side = x + 0.5 * y + (i % 3 === 0 ? 0.5 : -0.3) > 0 ? 'above' : 'below';
    return `${i % 11 === 5 ? '' : x.toFixed(5)},${y.toFixed(5)},"${shop}",${i % 2 === 0},2024-0${1 + (i % 9)}-01,${side}`;
  });
  return `x,y,shop,open,day,side\n${lines.join('\n')}\n`;
}

const row = { x: 0.9, y: 0.4, shop: 'south', open: true, day: '2024-03-01' };

beforeAll(async () => {
  writeFileSync(at('train.csv'), csv(300));
  writeFileSync(at('test.csv'), csv(100, 1000));
  const { code, err } = await run(
    'train',
    'train.csv',
    '--target',
    'side',
    '--ensemble',
    '1',
    '--epochs',
    '30',
    '--seed',
    '3',
  );
  expect([code, err.split('\n')[0]]).toEqual([0, expect.stringMatching(/^\[=* *\] network 1\/1 {2}epoch 1\/30 /)]);
}, 60_000);

describe('adjoint', () => {
  it('says what it can do', async () => {
    const help = await run('--help');
    expect([help.code, help.err]).toEqual([0, '']);
    for (const command of ['train', 'predict', 'evaluate', 'inspect', 'serve', 'run', 'tensorboard', 'bench', 'info']) {
      expect(help.out).toContain(`  ${command} `);
      const own = await run(command, '--help');
      expect([own.code, own.out.split('\n')[0]]).toEqual([0, expect.stringContaining(`adjoint ${command}`)]);
    }
  }, 60_000);

  it('says its version, and which columns it has not learned from', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
    const lines = csv(100).split('\n');
    writeFileSync(
      at('mixed.csv'),
      lines.map((line, i) => (i === 90 ? line.replace(/^[^,]*/, 'oops') : line)).join('\n'),
    );
    const args = ['--target', 'side', '--ensemble', '1', '--epochs', '1', '--quiet', '--output', 'mixed.safetensors'];
    const { out } = await run('train', 'mixed.csv', ...args);
    expect(out).toContain('not used: x\n');
    expect(out).toContain('texts are not learned from: x; if x should hold numbers, --types x=number names a row');
    expect((await run('train', 'mixed.csv', ...args, '--types', 'x=number')).err).toContain(
      '"oops" in row 89 (line 91)',
    );
  }, 60_000);

  it.each<[what: string, text: string, args: string[], advice: string]>([
    ['a late text', `x,y\n${'1,2\n'.repeat(1100)}oops,2\n`, [], 'give --types x=…, or add it to --missing if it'],
    [
      'many categories',
      `x,y\n${Array.from({ length: 10_001 }, (_, i) => `t${i},1\n`).join('')}`,
      ['--types', 'x=category'],
      'give --types x=text',
    ],
    [
      'a row a class',
      `x,y\n${Array.from({ length: 20 }, (_, i) => `${i},c${i}\n`).join('')}`,
      [],
      'give --task regression',
    ],
    ['a name twice', 'x,y,x\n1,2,3\n', [], 'got "x" in columns 1 and 3; rename one'],
  ])('says with flags what to do about %s', async (_, text, args, advice) => {
    writeFileSync(at('advice.csv'), text);
    const { code, err } = await run('train', 'advice.csv', '--target', 'y', ...args);
    expect([code, err]).toEqual([1, expect.stringContaining(advice)]);
  });

  it.each<[string, string[], number, string]>([
    ['no command', [], 2, ''],
    ['an unknown command', ['learn'], 2, 'adjoint: there is no command "learn"'],
    ['an unknown option', ['info', '--jason'], 2, "adjoint: info has no option '--jason'; there are --json"],
    ['an option without its value', ['predict', 'a', 'b', '--output'], 2, "'--output <value>' argument missing"],
    [
      'a folder that is not there',
      ['train', 'train.csv', '--target', 'side', '--output', join('none', 'model.safetensors')],
      2,
      'adjoint: --output must be in a folder that exists, got "none',
    ],
    [
      'a folder that is a file',
      ['train', 'train.csv', '--target', 'side', '--output', join('train.csv', 'in', 'model.safetensors')],
      2,
      'adjoint: --output must be in a folder that exists, got "train.csv',
    ],
    ['a folder as the file', ['train', 'train.csv', '--target', 'side', '--output', '.'], 2, 'got the folder "."'],
    ['no name', ['train', 'train.csv', '--target', 'side', '--output', ''], 2, '--output must be a file, got ""'],
    [
      'rows for a test that are not there',
      ['train', 'train.csv', '--target', 'side', '--test', 'none.csv'],
      2,
      'adjoint: --test must be a file that exists, got "none.csv"',
    ],
    [
      'a type that a column does not have',
      ['train', 'train.csv', '--target', 'side', '--types', 'shop=number'],
      1,
      'adjoint: csv: "train.csv": column "shop" must hold numbers, got "north, old" in row 0 (line 2)',
    ],
    ['no file', ['train'], 2, 'adjoint: train needs <data.csv>'],
    ['no target', ['train', 'train.csv'], 2, 'adjoint: train needs --target'],
    ['too many files', ['inspect', 'a', 'b'], 2, 'adjoint: inspect takes no argument "b"'],
    [
      'a number that is none',
      ['train', 'train.csv', '--target', 'side', '--epochs', 'x'],
      2,
      'adjoint: --epochs must be an integer of at least 1, got "x"',
    ],
    [
      'an unknown task',
      ['train', 'train.csv', '--target', 'side', '--task', 'x'],
      2,
      'adjoint: --task must be binary, multiclass, regression, got "x"',
    ],
    ['a file that is not there', ['train', 'none.csv', '--target', 'side'], 1, 'ENOENT'],
    [
      'a column that is not there',
      ['train', 'train.csv', '--target', 'price'],
      1,
      'adjoint: tabular: target: no column has the name "price"; there are "x", "y"',
    ],
    ['a model that is none', ['inspect', 'train.csv'], 1, 'train.csv'],
    ['no event files', ['tensorboard', '.'], 1, 'must hold event files'],
    ['a run of nothing', ['run', '--nproc', '2'], 2, 'adjoint: run needs <program>'],
    [
      'a run of what is not there',
      ['run', 'none.js'],
      2,
      '<program> must be a file of JavaScript that exists, got "none',
    ],
    ['a run of a folder', ['run', '.'], 2, '<program> must be a file of JavaScript that exists, got "."'],
    ['no ranks', ['run', '--nproc', '0', 'train.csv'], 2, '--nproc must be auto or an integer from 1 to 4096, got "0"'],
    ['many ranks', ['run', '--nproc-per-node', 'x', 'train.csv'], 2, '--nproc-per-node must be auto or an integer'],
    ['ranks twice', ['run', '--nproc', '2', '--nproc-per-node', '2', 'train.csv'], 2, 'are one option'],
    [
      'fewer than there must be',
      ['run', '--nnodes', '4:1', 'train.csv'],
      2,
      '--nnodes must be a number, or least:most',
    ],
    ['no nodes', ['run', '--nnodes', '0', 'train.csv'], 2, '--nnodes must be a number, or least:most'],
    ['nodes that cannot meet', ['run', '--nnodes', '2', 'train.csv'], 2, 'several nodes need --rdzv <host:port>'],
    ['a place without a port', ['run', '--rdzv', 'here', 'train.csv'], 2, '--rdzv must be host:port with a port from'],
    ['a port that is none', ['run', '--rdzv', 'here:70000', 'train.csv'], 2, '--rdzv must be host:port with a port'],
    [
      'nodes without a secret',
      ['run', '--nnodes', '2', '--rdzv', 'localhost:29999', 'train.csv'],
      2,
      'several nodes need ADJOINT_TOKEN, one secret that all of them know',
    ],
    [
      'a node beyond the last',
      ['run', '--node-rank', '1', 'train.csv'],
      2,
      '--node-rank must be an integer from 0 to 0',
    ],
    ['logs in a file', ['run', '--log-dir', 'train.csv', 'train.csv'], 2, '--log-dir must be a folder that can be'],
    ['an unknown option of a run', ['run', '--nprocs', '2', 'train.csv'], 2, "run has no option '--nprocs'"],
  ])('%s', async (_, args, code, message) => {
    const got = await run(...args);
    expect([got.code, got.err]).toEqual([code, expect.stringContaining(message)]);
    expect(got.err).not.toContain('    at ');
  });

  it('predicts, evaluates and inspects', async () => {
    const evaluated = JSON.parse((await run('evaluate', 'model.safetensors', 'test.csv', '--json')).out);
    expect(evaluated.accuracy).toBeGreaterThan(0.85);
    const predicted = (await run('predict', 'model.safetensors', 'test.csv')).out.trim().split('\n');
    expect(predicted[0]).toBe('side,probability of above,probability of below');
    const truth = readFileSync(at('test.csv'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.slice(line.lastIndexOf(',') + 1));
    const right = predicted.filter((line, i) => i > 0 && line.startsWith(`${truth[i]},`)).length;
    expect(right / 100).toBeCloseTo(evaluated.accuracy, 10);
    const lines = (await run('predict', 'model.safetensors', 'test.csv', '--json')).out.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).prediction)).toEqual(
      predicted.slice(1).map((line) => line.split(',')[0]),
    );
    const inspected = JSON.parse((await run('inspect', 'model.safetensors', '--json')).out);
    expect(inspected.columns.map(({ name, type }: { name: string; type: string }) => [name, type])).toEqual([
      ['x', 'number'],
      ['y', 'number'],
      ['shop', 'category'],
      ['open', 'boolean'],
      ['day', 'date'],
    ]);
    expect([inspected.provenance.rows, inspected.provenance.seed]).toEqual([300, 3]);
    const shown = await run('inspect', 'model.safetensors');
    expect(shown.out).toContain('shop  category of 2');
    writeFileSync(at('narrow.csv'), 'x,y\n1,2\n');
    expect((await run('predict', 'model.safetensors', 'narrow.csv')).err).toBe(
      'adjoint: csv: "narrow.csv": no column has the name "shop"; there are "x", "y"\n',
    );
    writeFileSync(at('wrong.csv'), 'x,y,shop,open,day\n1,much,south,true,2024-03-01\n');
    expect((await run('predict', 'model.safetensors', 'wrong.csv')).err).toBe(
      'adjoint: csv: "wrong.csv": column "y" must hold numbers, got "much" in row 0 (line 2); add it to --missing if it stands for no value\n',
    );
  }, 60_000);

  it('Ctrl-C saves what was reached', async ({ skip }) => {
    skipWithoutSignals(skip);
    const args = [
      'train',
      'train.csv',
      '--target',
      'side',
      '--ensemble',
      '1',
      '--epochs',
      '100000',
      '--output',
      'stopped.safetensors',
    ];
    const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    await once(child.stderr, 'data');
    child.kill('SIGINT');
    expect((await once(child, 'exit'))[0]).toBe(0);
    expect((await run('evaluate', 'stopped.safetensors', 'test.csv')).code).toBe(0);
  }, 60_000);

  it('a model that cannot be saved where it should be is saved elsewhere, which the error says', async ({ skip }) => {
    skipWithoutSignals(skip);
    for (const name of ['gone', 'elsewhere']) mkdirSync(at(name));
    const output = join('gone', 'model.safetensors');
    const args = [
      'train',
      'train.csv',
      '--target',
      'side',
      '--ensemble',
      '1',
      '--epochs',
      '100000',
      '--output',
      output,
    ];
    const env = { ...process.env, TMPDIR: at('elsewhere'), TEMP: at('elsewhere') };
    const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env });
    let text = '';
    child.stderr.on('data', (some) => {
      text += some;
    });
    await once(child.stderr, 'data');
    rmSync(at('gone'), { recursive: true });
    child.kill('SIGINT');
    expect((await once(child, 'close'))[0]).toBe(1);
    const [, path] = /cannot write .* \(ENOENT.*\); the model is in (".*") instead: make room/.exec(text) ?? [];
    expect(JSON.parse(path as string)).toContain(at('elsewhere'));
    expect((await run('evaluate', JSON.parse(path as string), 'test.csv')).code).toBe(0);
  }, 60_000);

  it('knows the machine, and measures it', async () => {
    expect(JSON.parse((await run('info', '--json')).out)).toMatchObject({ node: process.version });
    const rates = Object.values(JSON.parse((await run('bench', '--seconds', '1', '--json')).out)) as number[];
    expect(Math.min(...rates)).toBeGreaterThan(0);
  }, 60_000);
});

interface Answer {
  status: number;
  text: string;
  headers: Record<string, unknown>;
}

describe('adjoint serve', () => {
  let server: ChildProcess;
  let url: string;
  let log = '';
  beforeAll(async () => {
    const args = ['serve', 'model.safetensors', '--port', '0', '--max-body', '5000', '--max-rows', '20'];
    server = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    server.stdout?.on('data', (text) => {
      log += text;
    });
    await until(() => log.includes('listening'));
    url = /http:\S+/.exec(log)?.[0] ?? '';
  }, 30_000);
  afterAll(() => server.kill('SIGKILL'));

  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 400 && !(await holds()); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await holds()).toBe(true);
  };

  const ask = (
    path: string,
    body?: string | Buffer,
    headers: Record<string, string> = { 'content-type': 'application/json' },
    method = body === undefined ? 'GET' : 'POST',
  ) =>
    new Promise<Answer>((resolve, reject) => {
      const sent = request(url + path, { method, headers: body === undefined ? {} : headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
      });
      sent.on('error', reject);
      sent.end(body);
    });

  it('predicts a row, and a list of rows', async () => {
    const one = await ask('/predict', JSON.stringify(row));
    expect(one.status).toBe(200);
    const answer = JSON.parse(one.text);
    expect(answer.prediction).toBe('above');
    expect(answer.probabilities.above + answer.probabilities.below).toBeCloseTo(1, 6);
    const many = JSON.parse((await ask('/predict', JSON.stringify([row, { ...row, x: null, shop: 'moon' }]))).text);
    expect(many).toHaveLength(2);
    expect(many[0].prediction).toBe('above');
  });

  it.each<[string, string | Buffer, number, string]>([
    ['no JSON', '{', 400, 'the body must be JSON'],
    ['no rows', '[]', 400, 'the list must have a row, got none'],
    ['a number', '3', 400, 'the row must be an object'],
    ['null in a list', '[null]', 400, 'row 0 must be an object'],
    [
      'a missing column',
      JSON.stringify({ ...row, shop: undefined }),
      400,
      'the row must have "shop"; null is a missing value',
    ],
    [
      'a text for a number',
      JSON.stringify([row, { ...row, x: '1' }]),
      400,
      '"x" of row 1 must be a finite number or null, got "1"',
    ],
    [
      'an endless number',
      JSON.stringify(row).replace('0.9', '1e999'),
      400,
      '"x" of the row must be a finite number or null',
    ],
    [
      'a number for a text',
      JSON.stringify({ ...row, shop: 3 }),
      400,
      '"shop" of the row must be a text or null, got 3',
    ],
    ['no date', JSON.stringify({ ...row, day: 'soon' }), 400, '"day" of the row must be a date'],
    ['no boolean', JSON.stringify({ ...row, open: 1 }), 400, '"open" of the row must be true or false or null, got 1'],
    [
      'another column',
      JSON.stringify({ ...row, color: 'red' }),
      400,
      'the row has "color", which is no column of the model',
    ],
    ['a prototype', `{"__proto__": {"x": 1}}`, 400, 'the row must have "x"'],
    ['no text', Buffer.from([0xff, 0xfe, 0x00]), 400, 'the body must be UTF-8'],
    ['too many rows', JSON.stringify(new Array(21).fill({})), 413, 'at most 20 rows, got 21'],
    ['too long', ' '.repeat(6000), 413, 'the body must have at most 5000 bytes'],
  ])('refuses %s', async (_, body, status, message) => {
    const answer = await ask('/predict', body);
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([status, expect.stringContaining(message)]);
  });

  it('refuses other types, methods and paths', async () => {
    expect((await ask('/predict', '{}', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await ask('/predict')).status).toBe(405);
    expect((await ask('/health', '{}')).status).toBe(405);
    expect((await ask('/secret')).status).toBe(404);
    expect((await ask('/../../etc/passwd')).status).toBe(404);
  });

  describe('answers before a long body has come, and reads on until it has', () => {
    /** What a connection hears that sends a head and then pieces of a body, and how it ends. */
    async function hears(head: string, piece: Buffer, most: number) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      let [text, sent, ending] = ['', 0, ''];
      socket.on('data', (part) => {
        text += part;
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        ending = error.code ?? '';
      });
      socket.write(head);
      for (; sent < most && !socket.destroyed && !socket.readableEnded; sent += piece.length) {
        socket.write(piece);
        do await new Promise(setImmediate);
        while (socket.writableNeedDrain && !socket.destroyed);
      }
      // once() of node:events would pass on an error that comes before.
      if (!socket.destroyed && !socket.closed) await new Promise((resolve) => socket.once('close', resolve));
      return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text, sent, ending };
    }
    const head = (path: string, length: string) =>
      `POST ${path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n${length}\r\n\r\n`;
    const piece = Buffer.alloc(65_536, 32);
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]);
    const mega = 2 ** 20;

    it.each<[string, string, Buffer, number]>([
      ['whose length the head says', head('/predict', `content-length: ${8 * mega}`), piece, 413],
      ['in chunks', head('/predict', 'transfer-encoding: chunked'), chunk, 413],
      ['to a wrong path', head('/nothing', `content-length: ${8 * mega}`), piece, 404],
    ])('%s', async (_, start, part, status) => {
      const isChunked = part === chunk;
      const heard = await hears(start, part, isChunked ? 128 * chunk.length : 8 * mega);
      if (!isChunked) expect(heard.sent).toBe(8 * mega); // all of it was taken
      expect([heard.status, heard.ending]).toEqual([status, '']);
      expect(heard.text).toMatch(/\r\nconnection: close\r\n[\s\S]*\r\n\r\n\{"error":".*"\}$/i);
    });

    it('but not without end', async () => {
      const heard = await hears(head('/predict', 'transfer-encoding: chunked'), chunk, 1000 * mega);
      expect(heard.status).toBe(413);
      expect(heard.sent).toBeLessThan(60 * mega);
      expect((await ask('/health')).status).toBe(200);
    });

    it('also of 100 clients at once, and of one that goes away', async () => {
      const long = ' '.repeat(2 * mega);
      const answers = await Promise.all(Array.from({ length: 100 }, () => ask('/predict', long)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([413]));
      const gone = connect(Number(new URL(url).port), '127.0.0.1');
      gone.write(head('/predict', `content-length: ${8 * mega}`));
      gone.write(piece);
      await once(gone, 'data');
      gone.destroy();
      expect((await ask('/predict', JSON.stringify(row))).status).toBe(200);
    });
  });

  it('keeps a connection whose short body it did not want', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (const path of ['/nothing', '/predict', '/health']) {
      const headers = { 'content-type': 'text/plain' };
      const sent = request(url + path, { method: 'POST', headers, agent }).on('socket', (socket) =>
        sockets.add(socket),
      );
      sent.end('{}');
      const [response] = await once(sent, 'response');
      expect(response.statusCode).toBeGreaterThanOrEqual(404);
      await once(response.resume(), 'end');
    }
    expect(sockets.size).toBe(1);
    agent.destroy();
  });

  it('shows health, schema, metrics and a page', async () => {
    expect(JSON.parse((await ask('/health')).text)).toMatchObject({ status: 'ok', target: 'side' });
    const schema = JSON.parse((await ask('/schema')).text);
    expect(schema.required).toEqual(['x', 'y', 'shop', 'open', 'day']);
    expect(schema.properties.shop).toEqual({ type: ['string', 'null'], examples: ['north, old', 'south'] });
    const metrics = (await ask('/metrics')).text;
    expect(metrics).toMatch(/^adjoint_requests_total\{path="\/predict",status="200"\} \d+$/m);
    expect(metrics).toMatch(/^adjoint_predict_seconds_bucket\{le="\+Inf"\} \d+$/m);
    expect(Number(/^adjoint_cpu_seconds_total (\S+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0.01);
    const page = await ask('/');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).toContain('<html lang="en">');
    const fields = [...page.text.matchAll(/<(?:input|select) [^>]*?\bid="(\w+)"/g)].map((match) => match[1]);
    expect(fields).toHaveLength(5);
    for (const id of fields) expect(page.text).toContain(`<label for="${id}">`);
  });

  it('loads a new model file, and keeps the old one when the new is damaged', async () => {
    const model = readFileSync(at('model.safetensors'));
    writeFileSync(at('model.safetensors'), model.subarray(0, 1000));
    await until(() => log.includes('not reloaded'));
    expect((await ask('/predict', JSON.stringify(row))).status).toBe(200);
    const trained = await run(
      'train',
      'train.csv',
      '--target',
      'open',
      '--ensemble',
      '1',
      '--epochs',
      '1',
      '--ignore',
      'x',
    );
    expect(trained.code).toBe(0);
    await until(async () => JSON.parse((await ask('/health')).text).target === 'open');
    writeFileSync(at('model.safetensors'), model);
    await until(async () => JSON.parse((await ask('/health')).text).target === 'side');
  }, 60_000);

  it('answers what is under way before it ends', async ({ skip }) => {
    skipWithoutSignals(skip);
    const slow = request(`${url}/predict`, { method: 'POST', headers: { 'content-type': 'application/json' } });
    slow.write('[');
    await new Promise((resolve) => setTimeout(resolve, 200));
    server.kill('SIGTERM');
    await until(() => log.includes('ending'));
    const answered = once(slow, 'response');
    slow.end(`${JSON.stringify(row)}]`);
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();
    expect((await once(server, 'exit'))[0]).toBe(0);
  }, 30_000);
});
