import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io } from 'adjoint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, small } from '../../examples/distributed/train.js';
import { runCommand } from '../../lib/cli/run.js';
import { launch, told, until } from '../support/launch.js';
import { readPage } from '../support/pages.js';
import { describeRuns, resultsOf } from '../support/ranks.js';

let output = '';
beforeAll(() => {
  output = mkdtempSync(join(tmpdir(), 'adjoint-examples-'));
});
afterAll(() => rmSync(output, { recursive: true }));

it('the small training learns in one process', { timeout: 120_000 }, async () => {
  const accuracies = await run({ ...small, output, stream: { write: () => true } });
  expect(accuracies.at(-1)).toBeGreaterThan(0.85);
});

describeRuns('over two processes', () => {
  it('the small training learns, and saves what one process can load', { timeout: 120_000 }, async () => {
    const [first, second] = (await resultsOf('training-example', 2, { args: [output] })) as [number[], number[]];
    expect(first.at(-1)).toBeGreaterThan(0.85);
    expect(second).toEqual(first);
    expect([...io.load(join(output, 'distributed.safetensors')).keys()]).toContain('0.weight');
  });

  it('the GPT goes on from its checkpoint when one of them is killed', { timeout: 120_000 }, async () => {
    const example = launch(['--nproc', '2', '--max-restarts', '1'], ['gpt-example', output], {
      ADJOINT_NUM_THREADS: '1',
    });
    const saved = () => readdirSync(output).includes('gpt') && readdirSync(join(output, 'gpt')).length > 1;
    await until(saved);
    process.kill(Number(told(example).find(({ rank }) => rank === 1)?.pid), 'SIGKILL');
    expect((await example.ended).code, example.err).toBe(0);
    const results = told(example).filter(({ nats }) => nats !== undefined);
    expect(results.map(({ steps }) => steps)).toEqual([80, 80]);
    expect(new Set(results.map(({ nats }) => nats)).size).toBe(1);
    expect(results[0]?.nats).toBeLessThan(3);
    expect(new Set(told(example).map(({ pid }) => pid)).size, 'all were started anew').toBe(4);
  });
});

describe('recipes', () => {
  it.each(['compose.yaml', 'kubernetes.yaml', 'slurm.sh'])('%s gives options that adjoint run has', (name) => {
    const text = readPage(join('examples', 'distributed', name)).replaceAll('\\\n', ' ');
    const [, command] = /adjoint-run(.*?)train\.js/s.exec(text) as unknown as [string, string];
    const options = [...command.matchAll(/--([a-z-]+)/g)].map((match) => match[1] as string);
    expect(options).toContain('rdzv');
    expect(Object.keys(runCommand.options)).toEqual(expect.arrayContaining(options));
    expect(text).toContain('ADJOINT_TOKEN');
  });

  it('the README shows the one line by which train.js differs from a program of one process, and names all files', () => {
    const text = readPage(join('examples', 'distributed', 'README.md'));
    const [, shown] = /```diff\n(.*?)```/s.exec(text) as unknown as [string, string];
    const lines = shown.trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('+'))).toEqual(['+    distributed: true,']);
    for (const name of ['train.js', 'gpt.js']) {
      const program = readPage(join('examples', 'distributed', name));
      expect(program.match(/distributed: true/g)).toHaveLength(1);
      expect(program).not.toMatch(/distributed\.\w+\(|DistributedDataParallel|DistributedSampler/);
      if (name === 'train.js') for (const line of lines) expect(program).toContain(line.slice(1));
    }
    for (const name of [
      'train.js',
      'gpt.js',
      'survivors.js',
      'Dockerfile',
      'compose.yaml',
      'kubernetes.yaml',
      'slurm.sh',
    ])
      expect(text).toContain(`(${name})`);
  });
});
