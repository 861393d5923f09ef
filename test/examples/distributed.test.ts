import { mkdtempSync, rmSync } from 'node:fs';
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

  it('the GPT survives one of them', { timeout: 120_000 }, async () => {
    const options = ['--nproc', '2', '--max-restarts', '1', '--keep-survivors'];
    const example = launch(options, ['gpt-example', output], { ADJOINT_NUM_THREADS: '1' });
    await until(() => example.out.includes('step 50 of 80'));
    process.kill(Number(told(example).find(({ rank }) => rank === 1)?.pid), 'SIGKILL');
    expect((await example.ended).code, example.err).toBe(0);
    expect(example.out.match(/step 50 of 80/g), 'no step is made twice').toHaveLength(1);
    const results = told(example).filter(({ nats }) => nats !== undefined);
    expect(new Set(results.map(({ nats }) => nats)).size).toBe(1);
    expect(results[0]?.nats).toBeLessThan(3);
    expect(results).toHaveLength(2);
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

  it('the README names all files', () => {
    const text = readPage(join('examples', 'distributed', 'README.md'));
    for (const name of ['train.js', 'gpt.js', 'Dockerfile', 'compose.yaml', 'kubernetes.yaml', 'slurm.sh'])
      expect(text).toContain(`(${name})`);
  });
});
